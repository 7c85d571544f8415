package table

import (
	"strings"

	"github.com/statordb/stator/internal/model"
)

// Home is the account and the region of a server, and whether others are apart
// from them. Tables at home are kept under the names that clients know, those of
// others under "ACCOUNT/REGION/NAME": a Descriptor's Name is unique in its store.
type Home struct {
	Account, Region string
	Accounts        bool // the tables of other accounts are not the same
	Regions         bool // neither are those in other regions
}

// Owner returns what the names begin with under which the tables of an account in
// a region are kept.
func (h Home) Owner(account, region string) string {
	if !h.Accounts {
		account = h.Account
	}
	if !h.Regions {
		region = h.Region
	}
	if account == h.Account && region == h.Region {
		return ""
	}
	return account + "/" + region + "/"
}

// Name returns the name under which the table is kept that who has owner calls
// nameOrARN.
func (h Home) Name(owner, nameOrARN string) string {
	title, ok := model.TableOfARN(nameOrARN)
	if ok {
		parts := strings.Split(nameOrARN, ":")
		owner = h.Owner(parts[4], parts[3])
	} else {
		title = nameOrARN
	}
	if strings.Contains(title, "/") { // no table's, whatever a client means by it
		return "/" + title
	}
	return owner + title
}

// Split returns whose the table is that is kept under a name, and what they call
// it.
func (h Home) Split(name string) (account, region, title string) {
	if parts := strings.SplitN(name, "/", 3); len(parts) == 3 && parts[0] != "" {
		return parts[0], parts[1], parts[2]
	}
	return h.Account, h.Region, strings.TrimPrefix(name, "/")
}

// ARN returns the ARN of the table that is kept under a name.
func (h Home) ARN(name string) string {
	account, region, title := h.Split(name)
	return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + title
}

// OwnerOf returns what Owner returned for the account and the region of the table
// that is kept under a name.
func OwnerOf(name string) string { return name[:strings.LastIndexByte(name, '/')+1] }

// Title returns what clients call the table that is kept under a name.
func Title(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// Title returns what clients call the table.
func (d *Descriptor) Title() string { return Title(d.Name) }
