package bench

import (
	"net/http"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	chicors "github.com/go-chi/cors"
	"github.com/gorilla/handlers"
	rscors "github.com/rs/cors"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A Kind says what a subject is measured for.
type Kind int

// The kinds.
const (
	Ours  Kind = iota
	Peer       // a library that people choose instead
	Floor      // what it costs to write the answer by hand
	None       // what it costs to write no answer
)

// A Subject is what stands in front of a handler.
type Subject struct {
	Name string
	Kind Kind
	// NoPatterns marks one that takes no patterns of origins.
	NoPatterns bool
	// Wrap puts it in front of a handler.
	Wrap func(Setup, http.Handler) (http.Handler, error)
}

// Subjects are all of them, corsrpc first.
func Subjects() []Subject {
	return []Subject{
		{Name: "corsrpc", Kind: Ours, Wrap: func(s Setup, next http.Handler) (http.Handler, error) {
			config, err := s.Config()
			if err != nil {
				return nil, err
			}
			policy, err := corsrpc.New(config)
			if err != nil {
				return nil, err
			}
			return policy.Wrap(next), nil
		}},
		{Name: "rs/cors", Kind: Peer, Wrap: func(s Setup, next http.Handler) (http.Handler, error) {
			return rscors.New(rscors.Options{
				AllowedOrigins:   s.origins(),
				AllowedMethods:   allowedMethods,
				AllowedHeaders:   allowedHeaders,
				ExposedHeaders:   exposedHeaders,
				AllowCredentials: !s.Anonymous,
				MaxAge:           int(maxAge.Seconds()),
			}).Handler(next), nil
		}},
		{Name: "go-chi/cors", Kind: Peer, Wrap: func(s Setup, next http.Handler) (http.Handler, error) {
			return chicors.Handler(chicors.Options{
				AllowedOrigins:   s.origins(),
				AllowedMethods:   allowedMethods,
				AllowedHeaders:   allowedHeaders,
				ExposedHeaders:   exposedHeaders,
				AllowCredentials: !s.Anonymous,
				MaxAge:           int(maxAge.Seconds()),
			})(next), nil
		}},
		{Name: "gorilla/handlers", Kind: Peer, NoPatterns: true, Wrap: func(s Setup, next http.Handler) (http.Handler, error) {
			options := []handlers.CORSOption{
				handlers.AllowedOrigins(s.origins()),
				handlers.AllowedMethods(allowedMethods),
				handlers.AllowedHeaders(allowedHeaders),
				handlers.ExposedHeaders(exposedHeaders),
				handlers.MaxAge(int(maxAge.Seconds())),
			}
			if !s.Anonymous {
				options = append(options, handlers.AllowCredentials())
			}
			return handlers.CORS(options...)(next), nil
		}},
		{Name: "gin-contrib/cors", Kind: Peer, Wrap: func(s Setup, next http.Handler) (http.Handler, error) {
			return behindGin(next, cors.New(cors.Config{
				AllowOrigins:     s.origins(),
				AllowWildcard:    s.Patterns,
				AllowMethods:     allowedMethods,
				AllowHeaders:     allowedHeaders,
				ExposeHeaders:    exposedHeaders,
				AllowCredentials: !s.Anonymous,
				MaxAge:           maxAge,
			})), nil
		}},
		{Name: "echo floor", Kind: Floor, NoPatterns: true, Wrap: newEchoFloor},
		{Name: "static floor", Kind: Floor, NoPatterns: true, Wrap: newStaticFloor},
		{Name: "no middleware", Kind: None, Wrap: func(_ Setup, next http.Handler) (http.Handler, error) { return next, nil }},
		{Name: "gin alone", Kind: None, Wrap: func(_ Setup, next http.Handler) (http.Handler, error) { return behindGin(next), nil }},
	}
}

// behindGin is gin with one route for everything, the least that an
// application of gin's has.
func behindGin(next http.Handler, middleware ...gin.HandlerFunc) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(middleware...)
	engine.Any("/*path", gin.WrapH(next))
	return engine
}
