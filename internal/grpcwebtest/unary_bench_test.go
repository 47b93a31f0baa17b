package grpcwebtest

import (
	"bytes"
	"testing"
)

func BenchmarkUnary(b *testing.B) {
	subjects, err := Subjects()
	if err != nil {
		b.Fatal(err)
	}
	for _, subject := range subjects {
		b.Run(subject.Name, func(b *testing.B) {
			client, url := serve(b, subject.Handler)
			var buffer bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				if err := Unary(false).Do(client, url, &buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
