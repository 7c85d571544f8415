package main

import "errors"

func benchmark([]string) error { return errors.New("soon") }
