package reqctx_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/techtreks/auth/internal/reqctx"
)

func TestFrom_WithoutInfoIsEmpty(t *testing.T) {
	info := reqctx.From(t.Context())
	if info == nil || info.Operation != "" || info.Address() != "" {
		t.Errorf("got %+v", info)
	}
}

func TestFrom_ReturnsTheInfoOfTheContext(t *testing.T) {
	info := &reqctx.Info{Operation: reqctx.Shell, ClientAddr: netip.MustParseAddr("192.0.2.1")}
	ctx, cancel := context.WithCancel(reqctx.With(t.Context(), info))
	defer cancel()
	reqctx.From(ctx).Actor = 7
	if info.Actor != 7 || reqctx.From(ctx).Address() != "192.0.2.1" {
		t.Errorf("got %+v", info)
	}
}
