package audit

import (
	"strings"
	"time"

	"github.com/statordb/stator/internal/iam"
)

// Identity is who made a request: the userIdentity of a record. (CloudTrail user
// guide, "CloudTrail userIdentity element".)
type Identity struct {
	Type             string          `json:"type"` // Root, IAMUser, AssumedRole, WebIdentityUser, AWSAccount or Unknown
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	AccountID        string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
	SessionContext   *SessionContext `json:"sessionContext,omitempty"`
}

// SessionContext is how temporary credentials came to be.
type SessionContext struct {
	SessionIssuer       *SessionIssuer       `json:"sessionIssuer,omitempty"`
	WebIDFederationData *WebIDFederationData `json:"webIdFederationData,omitempty"`
	Attributes          SessionAttributes    `json:"attributes"`
	SourceIdentity      string               `json:"sourceIdentity,omitempty"`
}

// SessionIssuer is the role of a session.
type SessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// WebIDFederationData is who somebody is at an identity provider.
type WebIDFederationData struct {
	FederatedProvider string            `json:"federatedProvider"`
	Attributes        map[string]string `json:"attributes"`
}

// SessionAttributes are those of a session.
type SessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"` // "true" or "false"
}

// Session is what a record says of a session beside its principal.
type Session struct {
	Created        time.Time
	SourceIdentity string
	Provider       string            // identity provider of a web identity, "" for none
	Attributes     map[string]string // who it is there, like www.amazon.com:user_id
}

// Of returns the identity of a principal that has authenticated with an access
// key; session is nil for a key that is not temporary.
func Of(p *iam.Principal, accessKey string, session *Session) Identity {
	id := Identity{Type: "IAMUser", PrincipalID: p.ID, ARN: p.ARN, AccountID: p.Account, AccessKeyID: accessKey, UserName: p.Name}
	switch {
	case p.IsRoot():
		id.Type, id.PrincipalID, id.UserName = "Root", p.Account, ""
	case p.Role != "":
		id.Type, id.UserName = "AssumedRole", ""
	}
	if session == nil {
		return id
	}
	id.SessionContext = &SessionContext{
		Attributes:     SessionAttributes{CreationDate: session.Created.UTC().Format(time.RFC3339), MFAAuthenticated: "false"},
		SourceIdentity: session.SourceIdentity,
	}
	if p.Role != "" {
		issuer, _, _ := strings.Cut(p.ID, ":")
		id.SessionContext.SessionIssuer = &SessionIssuer{Type: "Role", PrincipalID: issuer, ARN: p.Role, AccountID: p.Account, UserName: p.Role[strings.LastIndexByte(p.Role, '/')+1:]}
	}
	if session.Provider != "" {
		id.SessionContext.WebIDFederationData = &WebIDFederationData{FederatedProvider: session.Provider, Attributes: session.Attributes}
	}
	return id
}

// WebIdentity returns the identity of somebody who asks for a session with the
// token of an identity provider.
func WebIdentity(provider, audience, subject string) Identity {
	return Identity{Type: "WebIdentityUser", PrincipalID: provider + ":" + audience + ":" + subject, UserName: subject, IdentityProvider: provider}
}

// hidden stands for what a client has sent where it might be a secret.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// Unknown returns the identity of a request whose authentication was refused.
// What it has sent as its access key is told if it looks like one.
func Unknown(accessKey string) Identity {
	if accessKey != "" && !isAccessKey(accessKey) {
		accessKey = hidden
	}
	return Identity{Type: "Unknown", AccessKeyID: accessKey}
}

func isAccessKey(s string) bool {
	return len(s) >= 16 && len(s) <= 128 && (strings.HasPrefix(s, "AKIA") || strings.HasPrefix(s, "ASIA")) &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
