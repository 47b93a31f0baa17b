package corsconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// An Error is one mistake in policy files. [Load], [Read] and [Watch] report all
// mistakes at once, each as an *Error, joined by [errors.Join] in the order of
// the files.
type Error struct {
	// File is the name of the file as it was given. It is empty if the mistake
	// is in the schema.
	File string
	// Line and Column begin at 1; columns count characters. For what is absent
	// they are those of the nearest parent. They are 0 if the whole file is
	// meant, as when it cannot be opened.
	Line, Column int
	// Field is the path of the value in the files, such as
	// overrides["acme.shop.v1.CartService"].origins[0], or the option in the
	// schema. It is empty for what concerns a whole file.
	Field string
	// Problem is what is wrong, and what to write instead.
	Problem string

	err error
}

// Error returns everything in one line that editors and terminals can follow:
// policy.yaml:3:5: origins[1]: "app.example.com" has no scheme; …
func (e *Error) Error() string {
	text := e.Problem
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	switch {
	case e.File == "":
		return text
	case e.Line == 0:
		return e.File + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, text)
}

// Unwrap returns the error of the file system or the [*corsrpc.ConfigError]
// behind the mistake, or nil.
func (e *Error) Unwrap() error { return e.err }

// join sorts mistakes by file, in the order of names, and by place in it.
// Those without a file come last.
func join(names []string, mistakes []*Error) error {
	order := func(e *Error) int {
		if i := slices.Index(names, e.File); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(mistakes, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, len(mistakes))
	for i, mistake := range mistakes {
		errs[i] = mistake
	}
	return errors.Join(errs...)
}

// quote makes any text safe to print, and short.
func quote(s string) string {
	const longest = 256
	if len(s) > longest {
		return strconv.QuoteToASCII(s[:longest]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
