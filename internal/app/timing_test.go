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

// BenchmarkLoginTiming measures whether the response time of a failed login reveals the
// state of the account. Each class is compared with a known user and a wrong password. AUC
// is the probability that a request of the class takes longer than one of those; at 0.5 the
// classes cannot be distinguished. It is a benchmark because other tests that run at the same
// time would disturb it; `make timing` runs it alone. TestLogin_UnknownUserCostsOneHash
// checks that every class costs one hash.
func BenchmarkLoginTiming(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		h := apptest.NewServer(b, d)
		h.Accounts.Registration = "verified" // so that unverified accounts are a class
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

// BenchmarkRequestResetTiming measures the same for reset requests, X3, while mails are sent
// to two mail servers. One takes three seconds for each mail, so that all senders are busy.
// The other accepts them at once, so that the worker writes all the time.
func BenchmarkRequestResetTiming(b *testing.B) {
	for _, delay := range []time.Duration{3 * time.Second, 0} {
		b.Run(fmt.Sprintf("mail takes %v", delay), func(b *testing.B) {
			dbtest.Run(b, func(b *testing.B, d *db.DB) { timeResets(b, d, delay) })
		})
	}
}

// timeResets also measures the request after each one, which may wait for what the worker
// writes for the previous one. This is reported and does not fail the benchmark:
// docs/security.md describes what it reveals.
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
	request := func(name string) time.Duration {
		return timeOf(b, handler, "/auth/request_reset", fmt.Sprintf(`{"email":"%s@example.com"}`, name), 200)
	}
	var all []time.Duration
	after := map[string][]time.Duration{}
	compareTimes(b, []string{"known", "unknown", "nobody"}, func(class string) time.Duration {
		took := request(class)
		all = append(all, took)
		after[class] = append(after[class], request("another"))
		return took
	})
	b.ReportMetric(areaUnderCurve(after["known"], after["unknown"]), "AUC-after")
	slices.Sort(all)
	if slow := all[len(all)*99/100]; slow > 100*time.Millisecond {
		b.Errorf("99th percentile: got %v, want at most 100ms", slow)
	}
}

// BenchmarkRegisterTiming measures the same for registrations with a taken address, which the
// response does not reveal in verified mode, X5.
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

// timeOf returns the response time of a request.
func timeOf(b *testing.B, handler http.Handler, path, body string, want int) time.Duration {
	start := time.Now()
	apptest.ServeOnce(b, handler, "POST", path, body, "", want)
	return time.Since(start)
}

// compareTimes measures request for each class. It fails if two measurements in a row
// distinguish a class from the first one.
func compareTimes(b *testing.B, classes []string, request func(class string) time.Duration) {
	if b.N > 1 {
		b.Skip("one round is a whole measurement; run it with -benchtime 1x")
	}
	measure := func() map[string][]time.Duration {
		times := map[string][]time.Duration{}
		for range timingRequests {
			// Interleaved, so that drift affects all classes alike, and in random order,
			// so that no class always runs after the same other class.
			for _, i := range rand.Perm(len(classes)) {
				times[classes[i]] = append(times[classes[i]], request(classes[i]))
			}
		}
		return times
	}
	for b.Loop() {
		if faults := compare(b, classes, measure()); faults != nil {
			b.Logf("measuring again because of %v", faults)
			if faults = compare(b, classes, measure()); faults != nil {
				b.Errorf("two measurements distinguish classes: %v", faults)
			}
		}
	}
}

// compare returns the differences that distinguish a class from the first one.
func compare(b *testing.B, classes []string, times map[string][]time.Duration) (faults []string) {
	reference := times[classes[0]]
	for _, class := range classes[1:] {
		auc := areaUnderCurve(times[class], reference)
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

// areaUnderCurve returns the area under the ROC curve: the share of pairs in which a takes
// longer than b.
func areaUnderCurve(a, b []time.Duration) float64 {
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
