package app

import (
	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/feature/account"
	"github.com/techtreks/auth/internal/feature/administration"
	"github.com/techtreks/auth/internal/feature/audittrail"
	"github.com/techtreks/auth/internal/feature/authentication"
	"github.com/techtreks/auth/internal/feature/development"
	"github.com/techtreks/auth/internal/feature/recovery"
	"github.com/techtreks/auth/internal/feature/registration"
	"github.com/techtreks/auth/internal/feature/sessions"
	"github.com/techtreks/auth/internal/server"
)

// The handlers by tag. Two embedded types named Handler would collide as field names.
type (
	accountOps        = account.Handler
	administrationOps = administration.Handler
	auditOps          = audittrail.Handler
	authenticationOps = authentication.Handler
	developmentOps    = development.Handler
	documentationOps  = server.Documentation
	recoveryOps       = recovery.Handler
	registrationOps   = registration.Handler
	serviceOps        = server.Service
	sessionsOps       = sessions.Handler
)

// operations implements every operation of the contract by embedding the handlers.
type operations struct {
	*accountOps
	*administrationOps
	*auditOps
	*authenticationOps
	*developmentOps
	*documentationOps
	*recoveryOps
	*registrationOps
	*serviceOps
	*sessionsOps
}

var _ genapi.StrictServerInterface = operations{}

// operations builds the handlers.
func (a *App) operations() operations {
	return operations{
		accountOps: &account.Handler{
			DB: a.DB, Accounts: a.Accounts, Sessions: a.Sessions, Credentials: a.Credentials, Validate: a.Validator,
			Throttle: a.Throttle, Mail: a.Mail, Tokens: a.Tokens, Audit: a.Audit, Now: a.Now,
		},
		administrationOps: &administration.Handler{
			DB: a.DB, Accounts: a.Accounts, Sessions: a.Sessions, Mail: a.Mail, Signer: a.Signer,
		},
		auditOps: &audittrail.Handler{Audit: a.Audit, Signer: a.Signer},
		authenticationOps: &authentication.Handler{
			DB: a.DB, Accounts: a.Accounts, Sessions: a.Sessions, Credentials: a.Credentials, Throttle: a.Throttle,
			Mail: a.Mail, Audit: a.Audit, Metrics: a.Metrics, Now: a.Now, Logger: a.Logger,
		},
		developmentOps:   &development.Handler{Preview: a.Preview},
		documentationOps: &server.Documentation{Contract: a.Contract, Enabled: a.Config.ServeDocs()},
		recoveryOps: &recovery.Handler{
			DB: a.DB, Accounts: a.Accounts, Validate: a.Validator, Throttle: a.Throttle, Mail: a.Mail, Tokens: a.Tokens,
		},
		registrationOps: &registration.Handler{
			DB: a.DB, Accounts: a.Accounts, Validate: a.Validator, Throttle: a.Throttle, Mail: a.Mail, Tokens: a.Tokens,
			Audit: a.Audit, Now: a.Now,
		},
		serviceOps:  a.Service,
		sessionsOps: &sessions.Handler{DB: a.DB, Accounts: a.Accounts, Sessions: a.Sessions},
	}
}
