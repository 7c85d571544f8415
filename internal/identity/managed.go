package identity

import "github.com/statordb/stator/internal/iam"

// awsManaged are the policies that AWS manages, by ARN, as far as they are about
// what is served here. (AWS managed policy reference guide: the statements on
// dynamodb and dax of AmazonDynamoDBFullAccess, and those of version 15 of
// AmazonDynamoDBReadOnlyAccess.)
var awsManaged = func() map[string]*iam.Policy {
	all := map[string]*iam.Policy{}
	for name, statement := range map[string]string{
		"AdministratorAccess":      `"Action": "*"`,
		"AmazonDynamoDBFullAccess": `"Action": ["dynamodb:*", "dax:*"]`,
		"AmazonDynamoDBReadOnlyAccess": `"Action": ["dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:List*",
			"dynamodb:GetAbacStatus", "dynamodb:GetItem", "dynamodb:GetResourcePolicy", "dynamodb:Query", "dynamodb:Scan",
			"dynamodb:PartiQLSelect", "dax:Describe*", "dax:List*", "dax:GetItem", "dax:BatchGetItem", "dax:Query", "dax:Scan"]`,
	} {
		p, err := iam.Parse([]byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*", `+statement+`}}`), iam.Identity)
		if err != nil {
			panic("managed policy " + name + ": " + err.Error())
		}
		all["arn:aws:iam::aws:policy/"+name] = p
	}
	return all
}()
