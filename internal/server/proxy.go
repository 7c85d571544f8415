package server

import (
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
)

// Proxies are the addresses of those in front of a server of whom it believes
// where a request comes from, and how.
type Proxies []netip.Prefix

func (p Proxies) trusts(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// origin returns the address that a request comes from, and whether it was
// encrypted on its way here, as the nearest proxies that are trusted tell it:
// X-Forwarded-For, to which each adds whom it heard, and X-Forwarded-Proto. One may
// add a line of its own: what is last is what the nearest says. from is not valid if
// that is no address: it is not the proxy's.
func (p Proxies) origin(c *fasthttp.RequestCtx) (from netip.Addr, encrypted bool) {
	from, _ = netip.AddrFromSlice(c.RemoteIP())
	from, encrypted = from.Unmap(), c.IsTLS()
	if !p.trusts(from) {
		return from, encrypted
	}
	if protos := elements(c, "X-Forwarded-Proto"); len(protos) > 0 {
		encrypted = strings.EqualFold(protos[len(protos)-1], "https")
	}
	heard := elements(c, "X-Forwarded-For")
	for i := len(heard) - 1; i >= 0 && p.trusts(from); i-- {
		from = parseHeard(heard[i])
	}
	return from, encrypted
}

// parseHeard parses what a proxy says of whom it heard: an address, with a port or
// without.
func parseHeard(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap()
	}
	address, _ := netip.ParseAddr(text) // one that is not valid is not known
	return address.Unmap()
}

// elements returns those of a header that is a list, on however many lines.
func elements(c *fasthttp.RequestCtx, name string) (all []string) {
	for _, line := range c.Request.Header.PeekAll(name) {
		for element := range strings.SplitSeq(string(line), ",") {
			all = append(all, strings.TrimSpace(element))
		}
	}
	return all
}
