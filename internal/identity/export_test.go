package identity

// Compile returns what is wrong with a file beyond its form.
func Compile(f *File) error {
	_, err := compile(f, nil, 0)
	return err
}

// Follow is what Run does every second.
func (d *Directory) Follow(said string) string { return d.follow(said) }
