// Package library implements acme.library.v1, the services with REST bindings
// that examples and tests call.
//
// It is a module of its own: the generated code needs genproto and grpc-gateway,
// which the library under test does not.
package library

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/api/httpbody"

	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
)

// A Library implements both services for connect-go, whose generated code has the
// option "simple", for grpc-go, and for grpc-gateway in-process: the signatures of
// all three are the same. It is safe for concurrent use.
type Library struct {
	libraryv1.UnimplementedLibraryServiceServer
	libraryv1.UnimplementedAdminServiceServer

	// OnCall, if it is not nil, is called with the name of each method that
	// runs, such as GetShelf. It must not be changed once the library serves.
	OnCall func(method string)

	mu      sync.Mutex
	shelves map[string]*libraryv1.Shelf
	books   map[string]*libraryv1.Book
}

// New returns a library with two shelves and three books.
func New() *Library {
	l := &Library{shelves: map[string]*libraryv1.Shelf{}, books: map[string]*libraryv1.Book{}}
	for name, theme := range map[string]string{"shelves/history": "History", "shelves/poetry": "Poetry"} {
		l.shelves[name] = &libraryv1.Shelf{Name: name, Theme: theme}
	}
	for name, title := range map[string]string{
		"shelves/history/books/spqr":   "SPQR",
		"shelves/history/books/1776":   "1776",
		"shelves/poetry/books/beowulf": "Beowulf",
	} {
		l.books[name] = &libraryv1.Book{Name: name, Title: title}
	}
	return l
}

// ListShelves implements LibraryService.
func (l *Library) ListShelves(ctx context.Context, r *libraryv1.ListShelvesRequest) (*libraryv1.ListShelvesResponse, error) {
	defer l.begin(ctx, "ListShelves")()
	response := &libraryv1.ListShelvesResponse{}
	for _, name := range slices.Sorted(maps.Keys(l.shelves)) {
		if shelf := l.shelves[name]; r.GetTheme() == "" || r.GetTheme() == shelf.GetTheme() {
			response.Shelves = append(response.Shelves, shelf)
		}
	}
	return response, nil
}

// GetShelf implements LibraryService.
func (l *Library) GetShelf(ctx context.Context, r *libraryv1.GetShelfRequest) (*libraryv1.GetShelfResponse, error) {
	defer l.begin(ctx, "GetShelf")()
	shelf, ok := l.shelves[r.GetName()]
	if !ok {
		return nil, fail(connect.CodeNotFound, "no shelf "+r.GetName())
	}
	return &libraryv1.GetShelfResponse{Shelf: shelf}, nil
}

// CreateShelf implements LibraryService.
func (l *Library) CreateShelf(ctx context.Context, r *libraryv1.CreateShelfRequest) (*libraryv1.CreateShelfResponse, error) {
	defer l.begin(ctx, "CreateShelf")()
	if err := requireCard(ctx); err != nil {
		return nil, err
	}
	name := r.GetShelf().GetName()
	if _, ok := l.shelves[name]; ok {
		setHeader(ctx, retryHint, name+"-2")
		return nil, fail(connect.CodeAlreadyExists, "there is a shelf "+name)
	}
	l.shelves[name] = r.GetShelf()
	return &libraryv1.CreateShelfResponse{Shelf: r.GetShelf()}, nil
}

// UpdateShelf implements LibraryService.
func (l *Library) UpdateShelf(ctx context.Context, r *libraryv1.UpdateShelfRequest) (*libraryv1.UpdateShelfResponse, error) {
	defer l.begin(ctx, "UpdateShelf")()
	if err := requireCard(ctx); err != nil {
		return nil, err
	}
	name := r.GetShelf().GetName()
	if _, ok := l.shelves[name]; !ok {
		return nil, fail(connect.CodeNotFound, "no shelf "+name)
	}
	l.shelves[name] = r.GetShelf()
	return &libraryv1.UpdateShelfResponse{Shelf: r.GetShelf()}, nil
}

// MergeShelves implements LibraryService.
func (l *Library) MergeShelves(ctx context.Context, r *libraryv1.MergeShelvesRequest) (*libraryv1.MergeShelvesResponse, error) {
	defer l.begin(ctx, "MergeShelves")()
	if err := requireCard(ctx); err != nil {
		return nil, err
	}
	shelf, other := l.shelves[r.GetName()], l.shelves[r.GetOther()]
	if shelf == nil || other == nil {
		return nil, fail(connect.CodeNotFound, "no such shelf")
	}
	moved := 0
	for name, book := range l.books {
		if id, ok := strings.CutPrefix(name, other.GetName()+"/"); ok {
			delete(l.books, name)
			name = shelf.GetName() + "/" + id
			l.books[name] = &libraryv1.Book{Name: name, Title: book.GetTitle()}
			moved++
		}
	}
	delete(l.shelves, other.GetName())
	setTrailer(ctx, "x-moved", fmt.Sprint(moved))
	return &libraryv1.MergeShelvesResponse{Shelf: shelf}, nil
}

// DeleteShelf implements LibraryService.
func (l *Library) DeleteShelf(ctx context.Context, r *libraryv1.DeleteShelfRequest) (*libraryv1.DeleteShelfResponse, error) {
	defer l.begin(ctx, "DeleteShelf")()
	if err := requireCard(ctx); err != nil {
		return nil, err
	}
	if _, ok := l.shelves[r.GetName()]; !ok {
		return nil, fail(connect.CodeNotFound, "no shelf "+r.GetName())
	}
	delete(l.shelves, r.GetName())
	return &libraryv1.DeleteShelfResponse{}, nil
}

// GetBook implements LibraryService.
func (l *Library) GetBook(ctx context.Context, r *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	defer l.begin(ctx, "GetBook")()
	book, err := l.book(r.GetName())
	return &libraryv1.GetBookResponse{Book: book}, err
}

// CheckBook implements LibraryService.
func (l *Library) CheckBook(ctx context.Context, r *libraryv1.CheckBookRequest) (*libraryv1.CheckBookResponse, error) {
	defer l.begin(ctx, "CheckBook")()
	_, err := l.book(r.GetName())
	return &libraryv1.CheckBookResponse{}, err
}

// GetCover implements LibraryService. Covers are of one color.
func (l *Library) GetCover(ctx context.Context, r *libraryv1.GetCoverRequest) (*httpbody.HttpBody, error) {
	defer l.begin(ctx, "GetCover")()
	if _, err := l.book(r.GetName()); err != nil {
		return nil, err
	}
	cover := image.NewPaletted(image.Rect(0, 0, 16, 24), color.Palette{color.RGBA{R: 0x8b, G: 0x1e, B: 0x3f, A: 0xff}})
	var b bytes.Buffer
	if err := png.Encode(&b, cover); err != nil {
		return nil, fail(connect.CodeInternal, err.Error())
	}
	return &httpbody.HttpBody{ContentType: "image/png", Data: b.Bytes()}, nil
}

// Download implements LibraryService. The archive has one file, in a directory.
func (l *Library) Download(ctx context.Context, r *libraryv1.DownloadRequest) (*httpbody.HttpBody, error) {
	defer l.begin(ctx, "Download")()
	if r.GetPath() != "letters/1887.txt" {
		return nil, fail(connect.CodeNotFound, "no file "+r.GetPath())
	}
	return &httpbody.HttpBody{ContentType: "text/plain; charset=utf-8", Data: []byte("Dear reader,\n")}, nil
}

// FinishSignIn implements LibraryService. The code is "open sesame".
func (l *Library) FinishSignIn(ctx context.Context, r *libraryv1.FinishSignInRequest) (*libraryv1.FinishSignInResponse, error) {
	defer l.begin(ctx, "FinishSignIn")()
	if r.GetCode() != "open sesame" {
		return nil, fail(connect.CodeInvalidArgument, "not the code")
	}
	return &libraryv1.FinishSignInResponse{Reader: "readers/ali"}, nil
}

// Purge implements AdminService.
func (l *Library) Purge(ctx context.Context, _ *libraryv1.PurgeRequest) (*libraryv1.PurgeResponse, error) {
	defer l.begin(ctx, "Purge")()
	purged := len(l.books)
	clear(l.books)
	return &libraryv1.PurgeResponse{Purged: int32(purged)}, nil
}

// begin begins a call and returns what ends it.
func (l *Library) begin(ctx context.Context, method string) (end func()) {
	if l.OnCall != nil {
		l.OnCall(method)
	}
	setHeader(ctx, requestID, "library-1")
	l.mu.Lock()
	return l.mu.Unlock
}

func (l *Library) book(name string) (*libraryv1.Book, error) {
	book, ok := l.books[name]
	if !ok {
		return nil, fail(connect.CodeNotFound, "no book "+name)
	}
	return book, nil
}
