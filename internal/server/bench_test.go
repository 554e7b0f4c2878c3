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

// benchmarked is a server with the production cost of passwords, one account,
// and the cookie of its session.
func benchmarked(b *testing.B, d *db.DB) (handler http.Handler, cookie string) {
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

func BenchmarkSessionCheck(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, cookie := benchmarked(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "GET", "/auth/current_user", "", cookie, 200)
			}
		})
	})
}

func BenchmarkVisitor(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, _ := benchmarked(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "GET", "/auth/current_user", "", "", 200)
			}
		})
	})
}

// BenchmarkRefusedLogin is what a flood costs: at least 5,000 refusals a second are
// wanted of a machine with two cores.
func BenchmarkRefusedLogin(b *testing.B) {
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
			b.Errorf("%d hashes", n)
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		handler, _ := benchmarked(b, d)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				apptest.ServeOnce(b, handler, "POST", "/auth/login", loginBody, "", 200)
			}
		})
	})
}

// BenchmarkBareGin is what the others are compared with: the router alone.
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
