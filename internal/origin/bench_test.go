package origin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// Flat in the number of entries, hit or miss.
func BenchmarkContains(b *testing.B) {
	for _, kind := range []struct{ name, entry, hit, miss string }{
		{"exact", "https://app-%d.example.com", "https://app-0.example.com", "https://evil-0.example.com"},
		{"subdomains", "https://*.app-%d.example.com", "https://x.app-0.example.com", "https://x.evil-0.example.com"},
		{"ports", "https://app-%d.example.com:*", "https://app-0.example.com:8443", "https://evil-0.example.com:8443"},
		{"both", "https://*.app-%d.example.com:*", "https://x.app-0.example.com:8443", "https://x.evil-0.example.com:8443"},
	} {
		for _, n := range []int{1, 10, 1_000, 100_000} {
			set := origin.NewSet(manyEntries(b, kind.entry, n))
			for _, o := range []struct{ name, origin string }{{"hit", kind.hit}, {"miss", kind.miss}} {
				b.Run(fmt.Sprintf("%s/%d/%s", kind.name, n, o.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if set.Contains(o.origin) != (o.name == "hit") {
							b.Fatal(o.origin)
						}
					}
				})
			}
		}
	}
}

// No origin that a client can send takes long.
func BenchmarkContainsHostile(b *testing.B) {
	set := newSet(b, exact, subdomains, "https://*.example.org:*", "http://localhost:*")
	for _, o := range []struct{ name, origin string }{
		{"253 bytes of labels", "https://" + strings.Repeat("a.", 121) + "example.com"},
		{"253 bytes of dots", "https://" + strings.Repeat(".", 242) + "example.com"},
		{"253 bytes elsewhere", "https://" + strings.Repeat("a.", 122) + "evil.test"},
		{"1 KiB", "https://" + strings.Repeat("a.", 506) + "evil.test"},
		{"1 MiB", "https://" + strings.Repeat("a.", 1<<19) + "example.com"},
		{"1 MiB of port", "http://localhost:" + strings.Repeat("1", 1<<20)},
	} {
		b.Run(o.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Contains(o.origin)
			}
		})
	}
}

func BenchmarkNewSet(b *testing.B) {
	for _, entry := range []string{"https://app-%d.example.com", "https://*.app-%d.example.com"} {
		entries := manyEntries(b, entry, 100_000)
		b.Run(entry[8:9], func(b *testing.B) {
			for b.Loop() {
				origin.NewSet(entries)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, entry := range []string{exact, subdomainPorts, "https://[2001:db8::1]"} {
		b.Run(entry, func(b *testing.B) {
			for b.Loop() {
				if _, err := origin.Parse(entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func manyEntries(b *testing.B, format string, n int) []origin.Entry {
	b.Helper()
	entries := make([]origin.Entry, n)
	for i := range entries {
		entries[i] = parse(b, fmt.Sprintf(format, i))
	}
	return entries
}
