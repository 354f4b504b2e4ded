// The load balancer that Go's tutorials make of httputil.ReverseProxy: three of them, by turns.
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

func main() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if idle, err := strconv.Atoi(os.Getenv("BENCH_MAX_IDLE_CONNS_PER_HOST")); err == nil {
		transport.MaxIdleConnsPerHost = idle
		transport.MaxIdleConns = 0
	}
	var proxies []*httputil.ReverseProxy
	for _, backend := range strings.Split(os.Getenv("BENCH_BACKENDS"), ",") {
		origin, err := url.Parse(backend)
		if err != nil {
			log.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(origin)
		proxy.Transport = transport
		proxies = append(proxies, proxy)
	}
	var turn uint64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[atomic.AddUint64(&turn, 1)%uint64(len(proxies))].ServeHTTP(w, r)
	})
	address := "127.0.0.1:" + os.Getenv("BENCH_PORT")
	if cert := os.Getenv("BENCH_CERT"); cert != "" {
		log.Fatal(http.ListenAndServeTLS(address, cert, os.Getenv("BENCH_KEY"), handler))
	}
	log.Fatal(http.ListenAndServe(address, handler))
}
