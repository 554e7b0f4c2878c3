package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
)

// startBenchmark builds a server with the production cost of hashing and one account. It
// returns the handler and the session cookie of the account.
func startBenchmark(b *testing.B, d *db.DB) (handler http.Handler, cookie string) {
	h := apptest.NewServer(b, d)
	h.Passwords().Params = nil // as in production
	handler, err := h.Handler()
	if err != nil {
		b.Fatal(err)
	}
	apptest.ServeOnce(b, handler, "POST", "/auth/register", `{"username":"alice","email":"alice@example.com","password":"Tr4vel-light"}`, "", 201)
	w := apptest.ServeOnce(b, handler, "POST", "/auth/login", loginBody, "", 200)
	cookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return handler, cookie
}

const loginBody = `{"username":"alice","password":"Tr4vel-light"}`

func BenchmarkGetCurrentUser_LoggedIn(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, cookie := startBenchmark(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "GET", "/auth/current_user", "", cookie, 200)
			}
		})
	})
}

func BenchmarkGetCurrentUser_Anonymous(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, _ := startBenchmark(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "GET", "/auth/current_user", "", "", 200)
			}
		})
	})
}

// BenchmarkLogin_RateLimited measures a flood. The goal is 5,000 rejected requests a second on a
// machine with two cores.
func BenchmarkLogin_RateLimited(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		h := apptest.NewServer(b, d, apptest.WithLimits("login: 1 per day"))
		handler, err := h.Handler()
		if err != nil {
			b.Fatal(err)
		}
		apptest.ServeOnce(b, handler, "POST", "/auth/login", loginBody, "", 401)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "POST", "/auth/login", loginBody, "", 429)
			}
		})
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "refusals/s")
		if n := h.Passwords().Hashes(); n != 1 {
			b.Errorf("got %d hashes, want 1", n)
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, _ := startBenchmark(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "POST", "/auth/login", loginBody, "", 200)
			}
		})
	})
}

// BenchmarkBareGin measures the router alone, for comparison.
func BenchmarkBareGin(b *testing.B) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/auth/current_user", func(c *gin.Context) { c.JSON(200, gin.H{"ok": false, "user": nil}) })
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			apptest.ServeOnce(b, engine, "GET", "/auth/current_user", "", "", 200)
		}
	})
}
