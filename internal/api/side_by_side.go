package api

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// sideBySide calls work for 0 to n-1, each in a goroutine, and returns when
// all have ended. A panic in one of them is one in the caller, where Do
// answers it: every goroutine that serves a request is started here.
func sideBySide(n int, work func(i int)) {
	var group sync.WaitGroup
	panics := make(chan string, n)
	for i := range n {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					panics <- fmt.Sprintf("%v\n%s", r, debug.Stack())
				}
			}()
			work(i)
		})
	}
	group.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
	}
}
