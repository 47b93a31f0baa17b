// Server is a grpc-go server behind corsrpc/grpcweb as the conformance suite of
// connectrpc.com wants it: it reads from standard input what to serve, and
// writes to standard output where it does.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the suite sends compressed messages
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	conformancev1 "github.com/corsrpc/corsrpc-go/internal/grpcwebtest/gen/connectrpc/conformance/v1"
)

func main() {
	forward := flag.Bool("forward", false, "reach the grpc-go server by HTTP/2, through a forwarder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout, *forward); err != nil {
		log.Fatal(err)
	}
}

// run serves what the suite asks for until ctx ends.
func run(ctx context.Context, in io.Reader, out io.Writer, forward bool) error {
	want := new(conformancev1.ServerCompatRequest)
	if err := readMessage(in, want); err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(int(want.GetMessageReceiveLimit())),
		grpc.ChainUnaryInterceptor(nameUnary),
		grpc.ChainStreamInterceptor(nameStream),
	)
	conformancev1.RegisterConformanceServiceServer(server, service{})
	next, err := nextHandler(server, forward)
	if err != nil {
		return err
	}
	front, err := newFront(want, grpcweb.NewHandler(next, grpcweb.Config{}))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().(*net.TCPAddr)
	is := &conformancev1.ServerCompatResponse{Host: address.IP.String(), Port: uint32(address.Port)}
	if want.GetUseTls() {
		is.PemCert = want.GetServerCreds().GetCert()
	}
	if err := writeMessage(out, is); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		if want.GetUseTls() {
			served <- front.ServeTLS(listener, "", "")
		} else {
			served <- front.Serve(listener)
		}
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := front.Shutdown(shutdown); err != nil {
		return front.Close()
	}
	server.GracefulStop()
	return nil
}

// nextHandler returns the way to the server.
func nextHandler(server *grpc.Server, forward bool) (http.Handler, error) {
	if !forward {
		return server, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Fatal(err)
		}
	}()
	return grpcweb.NewForwarder(&url.URL{Scheme: "http", Host: listener.Addr().String()}, nil)
}

func newFront(want *conformancev1.ServerCompatRequest, handler http.Handler) (*http.Server, error) {
	front := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, Protocols: new(http.Protocols)}
	isHTTP2 := want.GetHttpVersion() == conformancev1.HTTPVersion_HTTP_VERSION_2
	front.Protocols.SetHTTP1(!isHTTP2)
	front.Protocols.SetHTTP2(isHTTP2 && want.GetUseTls())
	front.Protocols.SetUnencryptedHTTP2(isHTTP2 && !want.GetUseTls())
	if !want.GetUseTls() {
		return front, nil
	}
	certificate, err := tls.X509KeyPair(want.GetServerCreds().GetCert(), want.GetServerCreds().GetKey())
	if err != nil {
		return nil, err
	}
	front.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if clients := want.GetClientTlsCert(); len(clients) > 0 {
		front.TLSConfig.ClientAuth = tls.RequireAndVerifyClientCert
		front.TLSConfig.ClientCAs = x509.NewCertPool()
		if !front.TLSConfig.ClientCAs.AppendCertsFromPEM(clients) {
			return nil, errors.New("the suite's client certificate cannot be parsed")
		}
	}
	return front, nil
}

// readMessage reads a message after its length.
func readMessage(r io.Reader, m proto.Message) error {
	var length uint32
	if err := binary.Read(r, binary.BigEndian, &length); err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	return proto.Unmarshal(data, m)
}

func writeMessage(w io.Writer, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}
