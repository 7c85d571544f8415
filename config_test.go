package stator_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// TestOpenRefuses checks that Open's errors name members of Config, not flags.
func TestOpenRefuses(t *testing.T) {
	for want, c := range map[string]stator.Config{
		`Config.Region "US East": use`:                                      {Region: "US East"},
		`Config.Account "me": use`:                                          {Account: "me"},
		`Config.Dialect "latin": use`:                                       {Dialect: "latin"},
		`Config.Clock "3000-01-01T00:00:00Z": use a time from 1970 to 2261`: {Clock: "3000-01-01T00:00:00Z"},
		`Config.Clock "noon": use`:                                          {Clock: "noon"},
		"Config.TTLDelay -1ns: use":                                         {TTLDelay: -1},
		"Config.CacheBytes -1: use":                                         {CacheBytes: -1},
		`Config.Listen "here": use`:                                         {Listen: "here"},
		"Config.MetricsFrom is given, but":                                  {MetricsFrom: []netip.Prefix{netip.MustParsePrefix("::1/128")}},
		"Config.MaxConnectionsPerAddress: use":                              {MaxConnectionsPerAddress: -1},
		"allow it with Config.AllowUnauthenticated":                         {Listen: "0.0.0.0:0"},
	} {
		srv, err := stator.Open(c)
		if err == nil {
			srv.Close()
			t.Errorf("opened, want %s", want)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "--") {
			t.Errorf("got %q, want %s", err, want)
		}
	}
}
