package identity

// Compile returns what is wrong with a file beyond its form.
func Compile(f *File) error {
	_, err := compile(f, nil, 0)
	return err
}
