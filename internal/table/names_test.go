package table_test

import (
	"testing"

	"github.com/statordb/stator/internal/table"
)

// TestNames finds the names under which tables are kept, and back.
func TestNames(t *testing.T) {
	const account, other = "123456789012", "111122223333"
	arn := func(account, region, title string) string {
		return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + title
	}
	open := table.Home{Account: account, Region: "us-east-1"}
	accounts := table.Home{Account: account, Region: "us-east-1", Accounts: true}
	regions := table.Home{Account: account, Region: "us-east-1", Accounts: true, Regions: true}
	for _, c := range []struct {
		home      table.Home
		owner     string
		nameOrARN string
		name, arn string
	}{
		{open, "", "Music", "Music", arn(account, "us-east-1", "Music")},
		{open, "", arn(other, "eu-west-3", "Music"), "Music", arn(account, "us-east-1", "Music")},
		{accounts, "", arn(other, "eu-west-3", "Music"), other + "/us-east-1/Music", arn(other, "us-east-1", "Music")},
		{accounts, other + "/us-east-1/", "Music", other + "/us-east-1/Music", arn(other, "us-east-1", "Music")},
		{accounts, other + "/us-east-1/", arn(account, "us-east-1", "Music"), "Music", arn(account, "us-east-1", "Music")},
		{regions, "", arn(account, "eu-west-3", "Music"), account + "/eu-west-3/Music", arn(account, "eu-west-3", "Music")},
		// No table has such names.
		{accounts, "", other + "/us-east-1/Music", "/" + other + "/us-east-1/Music", arn(account, "us-east-1", other+"/us-east-1/Music")},
		{open, "", other + "/us-east-1/Music", "/" + other + "/us-east-1/Music", arn(account, "us-east-1", other+"/us-east-1/Music")},
		{accounts, "", arn(account, "us-east-1", "Music/index/by-artist"), "/Music/index/by-artist", arn(account, "us-east-1", "Music/index/by-artist")},
	} {
		name := c.home.Name(c.owner, c.nameOrARN)
		if name != c.name || c.home.ARN(name) != c.arn {
			t.Errorf("%s of %q is %s, with the ARN %s; want %s, %s", c.nameOrARN, c.owner, name, c.home.ARN(name), c.name, c.arn)
		}
	}
	if o := regions.Owner(other, "eu-west-3"); o != other+"/eu-west-3/" || table.OwnerOf(o+"Music") != o || table.Title(o+"Music") != "Music" {
		t.Errorf("owner %s, %s, %s", o, table.OwnerOf(o+"Music"), table.Title(o+"Music"))
	}
}
