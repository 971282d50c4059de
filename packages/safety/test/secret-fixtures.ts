/**
 * Texts with and without secrets, per rule. They are put together here, from a prefix and a made-up body, so that no
 * text in this repository looks like a secret to a scanner.
 */
const LETTERS_AND_DIGITS = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0";

/** `length` characters that repeat letters and digits. */
export function body(length: number): string {
  return LETTERS_AND_DIGITS.repeat(Math.ceil(length / LETTERS_AND_DIGITS.length)).slice(0, length);
}

const upper = (length: number) => "ABCDEFGH234567QRSTUVWXYZ".repeat(9).slice(0, length);
const hex = (length: number) => "0123456789abcdef".repeat(9).slice(0, length);
const pem = (label: string, text: string) =>
  ["-----BEGIN ", label, "-----\n", text, "\n-----END ", label, "-----"].join("");
const key = (word: string) => `${word} KEY`;

/** [text before, secret, text after]: exactly the secret goes. */
type Positive = readonly [string, string, string];

export const fixtures: Record<string, { positives: readonly Positive[]; negatives: readonly string[] }> = {
  "private-key": {
    positives: [
      ["key: ", pem(key("RSA PRIVATE"), `MII${body(60)}\n${body(64)}`), "\nnext"],
      ["", pem(key("OPENSSH PRIVATE"), body(70)), ""],
      ["", pem(key("PRIVATE"), `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\n${body(64)}`), ""],
      ["", pem(`PGP ${key("PRIVATE")} BLOCK`, `\n${body(64)}`), ""],
      ["cut: ", `-----BEGIN ${key("EC PRIVATE")}-----\n${body(64)}`, ""],
    ],
    negatives: [pem("PUBLIC KEY", body(64)), pem("CERTIFICATE", body(64)), "a PRIVATE KEY is secret"],
  },
  "aws-access-key-id": {
    positives: [
      ["id=", `AKIA${upper(16)}`, ";"],
      ["", `ASIA${upper(16)}`, " x"],
    ],
    negatives: [`AKIA${upper(15)}`, `AKIA${upper(17)}`, `XAKIA${upper(16)}`, `AKIA${upper(15)}1`],
  },
  "aws-secret-access-key": {
    positives: [
      ["aws_secret_access_key = ", body(40), "\n"],
      ['"AWS_SECRET_ACCESS_KEY": "', body(40), '"'],
      ["awsSecretAccessKey:", body(40), ""],
    ],
    negatives: [`aws_secret_access_key : ${body(39)}`, `checksum = ${body(40)}`],
  },
  "github-personal-token": {
    positives: [["token ", `ghp_${body(36)}`, "."]],
    negatives: [`ghp_${body(35)}`, `xghp_${body(36)}`],
  },
  "github-oauth-token": { positives: [["", `gho_${body(36)}`, ""]], negatives: [`gho_${body(20)}`] },
  "github-app-token": {
    positives: [
      ["", `ghu_${body(36)}`, ""],
      ["https://x-access-token/", `ghs_${body(36)}`, " "],
    ],
    negatives: [`ght_${body(36)}`],
  },
  "github-refresh-token": { positives: [["", `ghr_${body(76)}`, ""]], negatives: [`ghr_${body(30)}`] },
  "github-fine-grained-token": {
    positives: [["", `github_pat_${body(22)}_${body(59)}`, ""]],
    negatives: [`github_pat_${body(22)}_${body(40)}`],
  },
  "gitlab-token": { positives: [["", `glpat-${body(20)}`, ""]], negatives: ["glpat-short"] },
  "huggingface-token": {
    positives: [["HF: ", `hf_${body(34)}`, ""]],
    negatives: ["hf_model_name_of_some_length_here_ok", `hf_${body(12)}`, `shf_${body(34)}`],
  },
  "huggingface-organization-token": { positives: [["", `api_org_${body(34)}`, ""]], negatives: ["api_org_name"] },
  "anthropic-key": {
    positives: [["", `sk-ant-api03-${body(90)}-AA`, ""]],
    negatives: ["sk-ant-hill"],
  },
  "openrouter-key": { positives: [["", `sk-or-v1-${hex(64)}`, ""]], negatives: [`sk-or-v1-${hex(20)}`] },
  "openai-key": {
    positives: [
      ["", `sk-proj-${body(60)}_${body(20)}-x1`, ""],
      ["", `sk-svcacct-${body(40)}`, ","],
    ],
    negatives: ["sk-proj-demo"],
  },
  "openai-legacy-key": {
    positives: [["key ", `sk-${body(48)}`, "\n"]],
    negatives: ["sk-learn-pipelines-and-estimators-of-some-length", `task-${body(48)}`, `sk-${body(20)}`],
  },
  "google-api-key": { positives: [["?key=", `AIza${body(35)}`, "&x"]], negatives: [`AIza${body(34)}`] },
  "google-oauth-secret": { positives: [["", `GOCSPX-${body(28)}`, ""]], negatives: [`GOCSPX-${body(20)}`] },
  "npm-token": { positives: [["", `npm_${body(36)}`, ""]], negatives: ["npm_config_registry", `npm_${body(35)}`] },
  "npmrc-auth": {
    positives: [
      ["//registry.example/:_authToken=", "0f8fad5b-d9cb", "\n"],
      ["_auth = ", "dXNlcjpwdw==", ""],
    ],
    negatives: ["//registry.example/:_authToken=$" + "{TOKEN}", "has_authority=1"],
  },
  "pypi-token": {
    positives: [["", `pypi-AgEIcHlwaS5vcmc${body(120)}`, ""]],
    negatives: ["pypi-AgEIcHlwaS5vcmc", `pypi-${body(80)}`],
  },
  "slack-token": {
    positives: [["", `xoxb-${"1".repeat(12)}-${body(24)}`, ""]],
    negatives: ["xoxb-short", "xoxz-0123456789ab"],
  },
  "slack-app-token": { positives: [["", `xapp-1-A0${body(30)}`, ""]], negatives: ["xapp-store-application"] },
  "slack-webhook": {
    positives: [["https://hooks.slack.com/services/", `T0000/B0000/${body(24)}`, ""]],
    negatives: ["https://hooks.slack.com/services/", "https://slack.com/services/T0000/B0000/x"],
  },
  "stripe-key": {
    positives: [
      ["", `sk_live_${body(24)}`, ""],
      ["", `rk_test_${body(24)}`, " "],
    ],
    negatives: ["risk_test_abcdefghijkl", "sk_test_short"],
  },
  "stripe-webhook-secret": { positives: [["", `whsec_${body(32)}`, ""]], negatives: ["whsec_short"] },
  "sendgrid-key": { positives: [["", `SG.${body(22)}.${body(43)}`, ""]], negatives: [`SG.${body(22)}.${body(20)}`] },
  "telegram-bot-token": {
    positives: [["bot ", `123456789:AA${body(33)}`, ""]],
    negatives: ["12:30:AAA", `123456789:AB${body(33)}`],
  },
  jwt: {
    positives: [["", `eyJ${body(30)}.eyJ${body(60)}.${body(43)}`, ""]],
    negatives: [`eyJ${body(30)}`, `eyJ${body(30)}.abc${body(60)}.x`],
  },
  "connection-string-password": {
    positives: [
      ["DATABASE=postgres://app:", "s3cr3t!", "@db.example:5432/app"],
      ["redis://:", "pw", "@cache"],
      ["mongodb+srv://u:", "p%40ss:word", "@c.example/x"],
    ],
    negatives: ["https://example.org:8080/path@2x.png", "see http://user@host/", "ssh://git@host:22/x", "a://b"],
  },
  "connection-attribute-password": {
    positives: [
      ["Server=db;User Id=sa;Password=", "s3cr3t", ";"],
      ["Server=db; Pwd = ", "s3cr3t", ""],
    ],
    negatives: ["return; password is unset", "a; passwords = 3"],
  },
  "azure-account-key": {
    positives: [["AccountName=x;AccountKey=", `${body(86)}==`, ";"]],
    negatives: ["AccountKey=none"],
  },
  "authorization-header": {
    positives: [
      ["Authorization: Basic ", "dXNlcjpwdw==", "\n"],
      ['{"authorization":"Bearer ', "opaque", '"}'],
    ],
    negatives: ["Authorization: required", "authorization is Basic knowledge"],
  },
  "bearer-token": {
    positives: [["curl -H 'Bearer ", `${body(10)}-${body(10)}`, "'"]],
    negatives: ["the bearer institutionalization-of-something", "a bearer of 12 flags", "forbearer abcdefgh12345678"],
  },
  "api-key-header": {
    positives: [
      ["x-api-key: ", body(20), ""],
      ["X-Auth-Token=", body(12), "\n"],
    ],
    negatives: ["x-api-key: short"],
  },
  "assigned-secret": {
    positives: [
      ["DB_PASSWORD=", "hunter22", "\n"],
      ["--api-key=", "abcd-efgh", " --verbose"],
      ["https://host/?access_token=", "abcd1234", "&page=2"],
      ['clientSecret="', "not very long".slice(0, 8).replaceAll(" ", "_"), '"'],
      ["hfToken=", "abcdef", ""],
    ],
    negatives: [
      "pad_token=[PAD]",
      "max_token=1000",
      "const password = readPassword()",
      "password=",
      "API_KEY=$API_KEY",
      "API_KEY=<your key>",
      "secretary=Miller",
      "tokens=100000",
    ],
  },
};
