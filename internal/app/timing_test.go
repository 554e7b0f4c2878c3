package app_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail/mailtest"
	"github.com/techtreks/auth/internal/password"
)

// The bounds of the timing benchmarks.
const (
	timingRequests = 400  // per class of account
	aucTolerance   = 0.06 // 2.9 standard deviations at 400
	medianShare    = 0.05
	medianFloor    = 2 * time.Millisecond
)

// BenchmarkLoginTiming measures whether the time of a refused login tells what
// is true of the account. Each class is compared with a known user and a wrong
// password: AUC is the chance that a request of the class takes longer than one
// of those, and 0.5 means that nobody can tell. It is a benchmark because time
// is no business of a test that runs beside others; `make timing` runs it
// alone. (That every class costs one hash is a test: TestLogin_UnknownUserCostsOneHash.)
func BenchmarkLoginTiming(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		h := apptest.NewServer(b, d)
		h.Accounts.Registration = "verified" // so that the unverified are a class of their own
		h.SetPasswords(&password.Hasher{})
		handler, err := h.Handler()
		if err != nil {
			b.Fatal(err)
		}
		classes := []string{"known", "unknown", "noaddress@example.com", "disabled", "unverified", "passwordless", "oldcost"}
		for _, name := range []string{"known", "disabled", "unverified", "passwordless", "oldcost"} {
			apptest.ServeOnce(b, handler, "POST", "/auth/register", fmt.Sprintf(`{"username":%q,"email":"%s@example.com","password":"Tr4vel-light"}`, name, name), "", 201)
		}
		cheaper := &password.Hasher{Params: &password.Params{Memory: 9216, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
		old, err := cheaper.Hash(b.Context(), apptest.GoodPassword)
		if err != nil {
			b.Fatal(err)
		}
		for change, args := range map[string][]any{
			"UPDATE users SET email_verified_at = created_at WHERE username <> 'unverified'": nil,
			"UPDATE users SET disabled_at = created_at WHERE username = 'disabled'":          nil,
			"UPDATE users SET password_hash = NULL WHERE username = 'passwordless'":          nil,
			"UPDATE users SET password_hash = $1 WHERE username = 'oldcost'":                 {old},
		} {
			if _, err := d.ExecContext(b.Context(), change, args...); err != nil {
				b.Fatal(err)
			}
		}
		compareTimes(b, classes, func(class string) time.Duration {
			return timeOf(b, handler, "/auth/login", fmt.Sprintf(`{"username":%q,"password":"Wrong-passw0rd"}`, class), 401)
		})
	})
}

// BenchmarkRequestResetTiming measures the same of asking for a reset, X3, while mails
// go out: to a server that thinks for three seconds about each, so that the worker has
// its hands full, and to one that takes them at once, so that it writes all the time.
func BenchmarkRequestResetTiming(b *testing.B) {
	for _, delay := range []time.Duration{3 * time.Second, 0} {
		b.Run(fmt.Sprintf("mail takes %v", delay), func(b *testing.B) {
			dbtest.Run(b, func(b *testing.B, d *db.DB) { timeResets(b, d, delay) })
		})
	}
}

// timeResets also measures the request after one, which may meet what the worker writes
// for the one before. That is reported and no fault: docs/security.md says what it tells.
func timeResets(b *testing.B, d *db.DB, delay time.Duration) {
	h := apptest.NewServer(b, d)
	handler, err := h.Handler()
	if err != nil {
		b.Fatal(err)
	}
	apptest.ServeOnce(b, handler, "POST", "/auth/register", `{"username":"known","email":"known@example.com","password":"Tr4vel-light"}`, "", 201)
	h.SMTP().Answer = func(stage, _ string) string {
		if stage == mailtest.Dot {
			time.Sleep(delay)
		}
		return ""
	}
	h.SendMails()
	ask := func(name string) time.Duration {
		return timeOf(b, handler, "/auth/request_reset", fmt.Sprintf(`{"email":"%s@example.com"}`, name), 200)
	}
	var all []time.Duration
	after := map[string][]time.Duration{}
	compareTimes(b, []string{"known", "unknown", "nobody"}, func(class string) time.Duration {
		took := ask(class)
		all = append(all, took)
		after[class] = append(after[class], ask("another"))
		return took
	})
	b.ReportMetric(chanceOfLonger(after["known"], after["unknown"]), "AUC-after")
	slices.Sort(all)
	if slow := all[len(all)*99/100]; slow > 100*time.Millisecond {
		b.Errorf("one in a hundred takes %v or more", slow)
	}
}

// BenchmarkRegisterTiming measures the same of registering with an address that
// has an account, where that is not told (`REGISTRATION=verified`), X5.
func BenchmarkRegisterTiming(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		h := apptest.NewServer(b, d)
		h.Accounts.Registration = "verified"
		h.SetPasswords(&password.Hasher{})
		handler, err := h.Handler()
		if err != nil {
			b.Fatal(err)
		}
		apptest.ServeOnce(b, handler, "POST", "/auth/register", `{"username":"first","email":"taken@example.com","password":"Tr4vel-light"}`, "", 201)
		n := 0
		compareTimes(b, []string{"free", "taken"}, func(class string) time.Duration {
			n++
			address := "taken@example.com"
			if class == "free" {
				address = fmt.Sprintf("free%d@example.com", n)
			}
			return timeOf(b, handler, "/auth/register", fmt.Sprintf(`{"username":"user%d","email":%q,"password":"Tr4vel-light"}`, n, address), 201)
		})
	})
}

// timeOf is how long a request takes.
func timeOf(b *testing.B, handler http.Handler, path, body string, want int) time.Duration {
	start := time.Now()
	apptest.ServeOnce(b, handler, "POST", path, body, "", want)
	return time.Since(start)
}

// compareTimes measures request for each class and fails when a class can be
// told from the first, twice.
func compareTimes(b *testing.B, classes []string, request func(class string) time.Duration) {
	if b.N > 1 {
		b.Skip("one round is a whole measurement; run it with -benchtime 1x")
	}
	measure := func() map[string][]time.Duration {
		times := map[string][]time.Duration{}
		for range timingRequests {
			// Interleaved, so that drift hits all alike, and in another order each
			// time, so that no class always runs in the wake of the same other.
			for _, i := range rand.Perm(len(classes)) {
				times[classes[i]] = append(times[classes[i]], request(classes[i]))
			}
		}
		return times
	}
	for b.Loop() {
		if faults := compare(b, classes, measure()); faults != nil {
			b.Logf("measured again, because: %v", faults)
			if faults = compare(b, classes, measure()); faults != nil {
				b.Errorf("twice: %v", faults)
			}
		}
	}
}

// compare returns what tells a class apart from the first.
func compare(b *testing.B, classes []string, times map[string][]time.Duration) (faults []string) {
	reference := times[classes[0]]
	for _, class := range classes[1:] {
		auc := chanceOfLonger(times[class], reference)
		difference := median(times[class]) - median(reference)
		b.ReportMetric(auc, "AUC-"+class)
		b.ReportMetric(float64(difference.Microseconds())/1000, "ms-"+class)
		allowed := max(medianFloor, time.Duration(medianShare*float64(median(reference))))
		if math.Abs(auc-0.5) > aucTolerance || difference.Abs() > allowed {
			faults = append(faults, fmt.Sprintf("%s: AUC %.3f, median %v from %v", class, auc, difference, median(reference)))
		}
	}
	return faults
}

// chanceOfLonger is the area under the ROC curve: the share of pairs in which
// a takes longer than b.
func chanceOfLonger(a, b []time.Duration) float64 {
	won := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				won++
			case x == y:
				won += 0.5
			}
		}
	}
	return won / float64(len(a)*len(b))
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}
