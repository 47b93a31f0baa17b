package corsdebug_test

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// newAPI returns what stands for the handlers of your services.
func newAPI() http.Handler { return http.NotFoundHandler() }

// The API and the debug page have listeners of their own. Only operators can reach
// the second: here it is on loopback, such as behind kubectl port-forward.
func ExampleHandler() {
	denials := corsdebug.NewRecorder(200)
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:    []string{"https://app.example.com"},
		Audiences:  map[string][]string{"storefront": {"https://app.example.com"}, "backoffice": {}},
		OnDecision: corsrpc.JoinHooks(denials.Record, corsrpc.LogDenied(slog.Default())),
	})
	if err != nil {
		log.Fatal(err)
	}
	public, err := net.Listen("tcp", "localhost:0") // such as :8080
	if err != nil {
		log.Fatal(err)
	}
	private, err := net.Listen("tcp", "localhost:0") // such as localhost:6060
	if err != nil {
		log.Fatal(err)
	}
	api := &http.Server{Handler: cors.Wrap(newAPI())}
	debug := &http.Server{Handler: corsdebug.Handler(cors, denials)}
	go api.Serve(public)
	go debug.Serve(private)
	defer api.Close()
	defer debug.Close()

	// A page calls that is not listed.
	call, err := http.NewRequest("POST", "http://"+public.Addr().String()+"/acme.shop.v1.CartService/AddItem", nil)
	if err != nil {
		log.Fatal(err)
	}
	call.Header.Set("Origin", "https://new.example.com")
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()
	fmt.Println(response.Status)

	// An operator opens http://localhost:6060.
	page, err := http.Get("http://" + private.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	page.Body.Close()
	fmt.Println(page.Status, page.Header.Get("Content-Type"))
	for _, group := range denials.Groups() {
		fmt.Println(group.Count, group.Decision.Path, group.Decision.Fix)
	}
	// Output:
	// 403 Forbidden
	// 200 OK text/html; charset=utf-8
	// 1 /acme.shop.v1.CartService/AddItem add "https://new.example.com" to Audiences["storefront"]
}
