// Command sidebyside measures corsrpc and its peers in turns and writes
// docs/benchmarks.md with its pictures.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 61, "how often each subject is measured on each row, at least 20")
	slice := flag.Duration("slice", 250*time.Microsecond, "how long a measurement takes, about")
	only := flag.String("rows", "", "measure only rows whose names contain this, and print the table")
	docs := flag.String("docs", "", "write benchmarks.md and the pictures into this directory")
	figures := flag.String("json", "", "write the figures into this file")
	rounded := flag.String("benchstat", "", "write every round into this file, for benchstat -col /subject")
	flag.Parse()
	if *rounds < 20 {
		log.Fatal("sidebyside: -rounds must be at least 20: fewer give no spread worth stating")
	}
	if *docs != "" && *only != "" {
		log.Fatal("sidebyside: -docs needs all rows; leave out -rows")
	}
	report := &report{rounds: *rounds, tables: make(map[string][]result)}
	for _, table := range bench.Tables() {
		for _, row := range table.Rows {
			if !strings.Contains(row.Name, *only) {
				continue
			}
			series, err := measure(row, *rounds, *slice)
			if err != nil {
				log.Fatal("sidebyside: ", err)
			}
			for _, s := range series {
				s.handler = nil // a policy of 100,000 origins is no company for the next row
			}
			report.tables[table.Name] = append(report.tables[table.Name], result{row, series})
		}
		if results := report.tables[table.Name]; len(results) > 0 {
			var text strings.Builder
			ratios(&text, results)
			fmt.Printf("%s\n\n%s", table.Name, text.String())
		}
	}
	if strings.Contains("bindings", *only) {
		var err error
		if report.bindings, err = bindings(*rounds, *slice); err != nil {
			log.Fatal("sidebyside: ", err)
		}
		var text strings.Builder
		bindingTable(&text, report.bindings)
		fmt.Print(text.String())
	}
	if *rounded != "" {
		if err := report.benchstat(*rounded); err != nil {
			log.Fatal("sidebyside: ", err)
		}
	}
	if *figures != "" {
		if err := report.json(*figures); err != nil {
			log.Fatal("sidebyside: ", err)
		}
	}
	if *docs == "" {
		return
	}
	var err error
	if report.growth, err = growths(*rounds, *slice); err != nil {
		log.Fatal("sidebyside: ", err)
	}
	if report.profiles, err = profiles(report.tables["Requests"], 300); err != nil {
		log.Fatal("sidebyside: ", err)
	}
	if report.memory, err = memoryOf(bench.Setup{Origins: 100_000, Procedures: 10_000}); err != nil {
		log.Fatal("sidebyside: ", err)
	}
	if report.update, err = duringUpdates(bench.Setup{Origins: 100_000, Procedures: 100}, 9); err != nil {
		log.Fatal("sidebyside: ", err)
	}
	if report.whole, err = wholeServers(*rounds); err != nil {
		log.Fatal("sidebyside: ", err)
	}
	if err := report.write(*docs); err != nil {
		log.Fatal("sidebyside: ", err)
	}
}
