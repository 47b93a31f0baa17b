package grpcwebtest

import (
	"bytes"
	"testing"
)

func BenchmarkUnary(b *testing.B) { benchmark(b, Unary(false)) }

func BenchmarkBurst(b *testing.B) { benchmark(b, Burst(false)) }

func benchmark(b *testing.B, call Call) {
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
				if err := call.Do(client, url, &buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
