// Says where the AWS SDK for JavaScript finds its services: one JSON object a line on standard input, one answer a line on standard
// output. For tests/integration/endpoint_differential_test.py.
//
//     {"environment": {...}, "config": "text of the config file"}
//         -> {"region": "eu-west-1", "endpoints": {"ssm": "https://...", "sts": {"refused": "..."}}} or {"refused": "..."}
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { createRequire } = require("node:module");

const sdk = createRequire(path.join(process.argv[2], "package.json"));
const { externalDataInterceptor } = sdk("@smithy/shared-ini-file-loader");
const { getEndpointFromInstructions } = sdk("@smithy/middleware-endpoint");

// Any command will do: the parameters of endpoints are the same for all of a service.
const SERVICES = {
  ssm: ["@aws-sdk/client-ssm", "SSMClient", "StartSessionCommand"],
  sts: ["@aws-sdk/client-sts", "STSClient", "GetCallerIdentityCommand"],
  sso: ["@aws-sdk/client-sso", "SSOClient", "GetRoleCredentialsCommand"],
  sso_oidc: ["@aws-sdk/client-sso-oidc", "SSOOIDCClient", "CreateTokenCommand"],
  kms: ["@aws-sdk/client-kms", "KMSClient", "DecryptCommand"],
};

async function endpointOf(service) {
  const [module, client, command] = SERVICES[service];
  try {
    const { config } = new (sdk(module)[client])({ credentials: { accessKeyId: "A", secretAccessKey: "s" } });
    const endpoint = await getEndpointFromInstructions({}, sdk(module)[command], config);
    return [await config.region(), endpoint.url.href];
  } catch (error) {
    return ["", { refused: String(error.message) }];
  }
}

let count = 0;

async function answer(given) {
  // The SDK keeps what it has read of a path: every case has one of its own.
  const config = `/case/${count++}/config`;
  externalDataInterceptor.interceptFile(config, given.config);
  externalDataInterceptor.interceptFile("/no/credentials", "");
  process.env = { HOME: "/nonexistent", AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: "/no/credentials", ...given.environment };
  const said = { region: "", endpoints: {} };
  for (const service of Object.keys(SERVICES)) {
    const [region, endpoint] = await endpointOf(service);
    said.region = region || said.region;
    said.endpoints[service] = endpoint;
  }
  return said;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  }
})();
