package grpcweb

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
)

// Headers of gRPC that hold a call's status, in net/http's form.
const (
	statusHeader  = "Grpc-Status"
	messageHeader = "Grpc-Message"
	detailsHeader = "Grpc-Status-Details-Bin"
)

// A trailer is one line of the trailers. Its name is in lower case.
type trailer struct{ name, value string }

// isTrailer reports whether a header that next set is a trailer, and returns
// its name without net/http's prefix. Until the header is sent, announced tells
// those that have no prefix.
func isTrailer(name string, announced []string) (string, bool) {
	if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
		return name, true
	}
	switch name {
	case statusHeader, messageHeader, detailsHeader:
		return name, true
	}
	return name, slices.Contains(announced, name)
}

// announcedTrailers returns the names that next's Trailer header announces.
// grpc-go announces those of the status alone.
func announcedTrailers(header http.Header) []string {
	var names []string
	for _, line := range header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			switch name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name {
			case statusHeader, messageHeader, detailsHeader:
			default:
				names = append(names, name)
			}
		}
	}
	return names
}

// statusTrailers returns a status alone.
func statusTrailers(code codes.Code, message string) []trailer {
	return []trailer{
		{"grpc-status", strconv.Itoa(int(code))},
		{"grpc-message", message},
	}
}

// collectTrailers returns the trailers that next set, or UNAVAILABLE if there
// is no status among them: clients read a response without one as a success.
func collectTrailers(header http.Header, announced []string, failed *failure) []trailer {
	code, message := statusOf(header)
	if code == "" {
		return statusTrailers(errNoStatus.code, errNoStatus.message)
	}
	if code != "0" && failed.isCauseOf(message) {
		code, message = strconv.Itoa(int(failed.code)), failed.message
	}
	trailers := make([]trailer, 0, 4)
	trailers = append(trailers, trailer{"grpc-status", code})
	if message != "" {
		trailers = append(trailers, trailer{"grpc-message", message})
	}
	if details := first(header, detailsHeader); details != "" {
		trailers = append(trailers, trailer{"grpc-status-details-bin", clean(details)})
	}
	metadata := len(trailers)
	for name, values := range header {
		name, ok := isTrailer(name, announced)
		if !ok || !canSend(http.CanonicalHeaderKey(name)) {
			continue
		}
		name = strings.ToLower(name)
		switch name {
		case "grpc-status", "grpc-message", "grpc-status-details-bin":
			continue
		}
		for _, value := range values {
			trailers = append(trailers, trailer{name, clean(value)})
		}
	}
	slices.SortStableFunc(trailers[metadata:], func(a, b trailer) int { return cmp.Compare(a.name, b.name) })
	return trailers
}

// statusOf returns the status that next sent: its code in digits, or empty if
// there is none, and the message, encoded.
func statusOf(header http.Header) (code, message string) {
	n, err := strconv.ParseUint(first(header, statusHeader), 10, 32)
	if err != nil {
		return "", ""
	}
	return strconv.FormatUint(n, 10), wellEncoded(first(header, messageHeader))
}

// first returns the first value of a trailer of the status, with net/http's
// prefix or without.
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	for key, values := range header {
		if key, ok := strings.CutPrefix(key, http.TrailerPrefix); ok && len(values) > 0 && strings.EqualFold(key, name) {
			return values[0]
		}
	}
	return ""
}
