package pebblekv_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/statordb/stator/internal/seal"
)

// keys seal the files of the stores of all tests, unless they are nil.
var keys *seal.Keys

// TestMain runs all tests with plain files and with sealed ones.
func TestMain(m *testing.M) {
	status := m.Run()
	fmt.Println("with sealed files:")
	keys = seal.InMemory()
	os.Exit(max(status, m.Run()))
}
