// Package v230 compares package httprule with grpc-gateway v2.30.0, which splits
// and unescapes paths otherwise than later versions: it decodes a path without
// RawPath once more, and takes %2f for part of a segment.
package v230
