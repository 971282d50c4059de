/**
 * Shapes of secrets that have one: a fixed prefix, a known length, or a place where secrets stand. The shapes are those
 * that the vendors document and that gitleaks and detect-secrets look for.
 *
 * Every pattern takes time linear in the text, whatever the text: repetitions are bounded and none is nested in
 * another, there are no back-references, and a match starts at a fixed prefix or where a word starts. A test holds the
 * patterns to the first three, and runs them over long texts made to hurt.
 */

/** One shape. */
export interface SecretRule {
  /** Stable; appears in the mark that replaces a secret. */
  readonly id: string;
  /** A text without any of these is not looked at: a cheap test before the pattern. In the spellings that are in use. */
  readonly hints: readonly string[];
  /** Global. A first group is context that is kept (`password=`); the rest of the match is the secret. */
  readonly pattern: RegExp;
}

/** `prefix` followed by `body`, neither inside a longer word. */
function token(id: string, hints: readonly string[], prefix: string, body: string): SecretRule {
  return { id, hints, pattern: new RegExp(`(?<![A-Za-z0-9])${prefix}${body}(?![A-Za-z0-9])`, "g") };
}

/** A value after a context that stays readable. */
function after(id: string, hints: readonly string[], context: string, value: string, flags = "g"): SecretRule {
  return { id, hints, pattern: new RegExp(`(${context})(?!\\[REDACTED:)${value}`, flags) };
}

/** In order of precedence: where two match the same characters, the first one names the secret. */
export const secretRules: readonly SecretRule[] = [
  {
    // A body without its end is a key too (a cut log line). PGP and encrypted PEM keys have header lines.
    id: "private-key",
    hints: ["PRIVATE KEY"],
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:Proc-Type|DEK-Info|AES-\d|DES-EDE|-CBC|[^-]){0,20000}(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  token("aws-access-key-id", ["AKIA", "ASIA", "ABIA", "ACCA"], "(?:AKIA|ASIA|ABIA|ACCA)", "[A-Z2-7]{16}"),
  after(
    "aws-secret-access-key",
    ["ecret", "ECRET"],
    `aws_{0,1}secret_{0,1}access_{0,1}key["']{0,1}\\s{0,3}[:=]{1,2}\\s{0,3}["']{0,1}`,
    "[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    "gi",
  ),
  token("github-personal-token", ["ghp_"], "ghp_", "[A-Za-z0-9]{36,251}"),
  token("github-oauth-token", ["gho_"], "gho_", "[A-Za-z0-9]{36,251}"),
  token("github-app-token", ["ghu_", "ghs_"], "gh[us]_", "[A-Za-z0-9]{36,251}"),
  token("github-refresh-token", ["ghr_"], "ghr_", "[A-Za-z0-9]{36,251}"),
  token("github-fine-grained-token", ["github_pat_"], "github_pat_", "[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
  token("gitlab-token", ["glpat-", "gldt-", "glrt-", "glptt-"], "gl(?:pat|dt|rt|ptt)-", "[A-Za-z0-9_-]{20,64}"),
  token("huggingface-token", ["hf_"], "hf_", "[A-Za-z0-9]{30,40}"),
  token("huggingface-organization-token", ["api_org_"], "api_org_", "[A-Za-z0-9]{30,40}"),
  token("anthropic-key", ["sk-ant-"], "sk-ant-", "[a-z0-9]{3,12}-[A-Za-z0-9_-]{20,200}"),
  token("openrouter-key", ["sk-or-v1-"], "sk-or-v1-", "[0-9a-f]{64}"),
  token("openai-key", ["sk-proj-", "sk-svcacct-", "sk-admin-"], "sk-(?:proj|svcacct|admin)-", "[A-Za-z0-9_-]{20,250}"),
  token("openai-legacy-key", ["sk-"], "sk-", "[A-Za-z0-9]{32,64}"),
  token("google-api-key", ["AIza"], "AIza", "[A-Za-z0-9_-]{35}"),
  token("google-oauth-secret", ["GOCSPX-"], "GOCSPX-", "[A-Za-z0-9_-]{28}"),
  token("npm-token", ["npm_"], "npm_", "[A-Za-z0-9]{36}"),
  after("npmrc-auth", ["_auth", "_password"], "_(?:authToken|auth|password)\\s{0,3}=\\s{0,3}", "[^\\s$]{1,500}"),
  token("pypi-token", ["pypi-AgE"], "pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)", "[A-Za-z0-9_-]{50,1000}"),
  token("slack-token", ["xox"], "xox[abeoprs]-", "[A-Za-z0-9-]{10,250}"),
  token("slack-app-token", ["xapp-"], "xapp-\\d-", "[A-Za-z0-9-]{10,250}"),
  after(
    "slack-webhook",
    ["hooks.slack.com"],
    "hooks\\.slack\\.com/(?:services|workflows|triggers)/",
    "[A-Za-z0-9/]{20,120}",
  ),
  token("stripe-key", ["_live_", "_test_", "_prod_"], "[srp]k_(?:live|test|prod)_", "[A-Za-z0-9]{10,99}"),
  token("stripe-webhook-secret", ["whsec_"], "whsec_", "[A-Za-z0-9+/]{24,64}={0,2}"),
  token("sendgrid-key", ["SG."], "SG\\.", "[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}"),
  token("telegram-bot-token", [":AA"], "\\d{8,10}:AA", "[A-Za-z0-9_-]{33}"),
  {
    id: "jwt",
    hints: ["eyJ"],
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{0,2000}/g,
  },
  // scheme://user:password@host: the password goes, the rest stays readable.
  after(
    "connection-string-password",
    ["://"],
    `(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\\s/:@"'<>]{0,100}:`,
    `[^\\s/@"'<>]{1,200}(?=@)`,
  ),
  // Server=...;Password=...; of ADO, ODBC and JDBC.
  after(
    "connection-attribute-password",
    [";"],
    "(?<=;\\s{0,3})(?:Password|Pwd)\\s{0,3}=\\s{0,3}",
    `[^;"'\\s]{1,200}`,
    "gi",
  ),
  after("azure-account-key", ["AccountKey="], "AccountKey=", "[A-Za-z0-9+/]{40,120}={0,2}"),
  after(
    "authorization-header",
    ["uthorization", "UTHORIZATION"],
    `authorization["']{0,1}\\s{0,3}[:=]\\s{0,3}["']{0,1}(?:Bearer|Basic|Token|Digest|ApiKey)\\s{1,3}`,
    `[^\\s"',;]{4,8000}`,
    "gi",
  ),
  // Without the header's name, a word with a digit in it: "the bearer of bad news" is prose.
  after(
    "bearer-token",
    ["earer", "EARER"],
    "(?<![A-Za-z])bearer\\s{1,3}",
    "(?=[A-Za-z._~+/=-]{0,100}\\d)[A-Za-z0-9._~+/=-]{16,8000}",
    "gi",
  ),
  after(
    "api-key-header",
    ["-"],
    `x-(?:api|auth|goog-api)-(?:key|token)["']{0,1}\\s{0,3}[:=]\\s{0,3}["']{0,1}`,
    `[^\\s"',;]{8,500}`,
    "gi",
  ),
  // DB_PASSWORD=hunter2x, --api-key=abc, token=abc in a query. No blank around "=": `const token = next()` is code.
  after(
    "assigned-secret",
    ["="],
    "(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]{0,80}(?:password|passwd|passphrase|secret|api[_-]{0,1}key|access[_-]{0,1}key|secret[_-]{0,1}key|private[_-]{0,1}key|(?:access|auth|api|refresh|session|bot|hf|github|gitlab|npm|pypi|slack|wandb)[_-]{0,1}token)=[\"']{0,1}",
    `[^\\s"'&;,$<>{}()\\[\\]]{4,500}`,
    "gi",
  ),
];
