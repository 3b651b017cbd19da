"""proxy/core/aws_service, aws_settings and http_proxy against others' reading of the same: the AWS CLI's own botocore (endpoint rule
sets, region, proxies) and the AWS SDK for JavaScript (endpoint_url, services sections, AWS_ENDPOINT_URL_*, newer partitions).

What differs on purpose stands in docs/decisions/0010 and is allowed for here, by name."""

import base64
import json
import os
import random
import subprocess
import unittest
from unittest import mock

try:
    import awscli  # puts its own copy of botocore, which the AWS CLI 2 runs with, in the place of the library
    IS_CLI = os.path.isdir(os.path.join(os.path.dirname(awscli.__file__), "botocore"))
    from botocore import endpoint_provider, exceptions, httpsession, loaders, session, utils
except ImportError:
    IS_CLI = False

SOURCE_DIR = os.environ.get("SSM_SOURCE_DIR", ".")
BUILD_DIR = os.environ.get("SSM_BUILD_DIR", "build/dev")
PROBE = os.path.join(BUILD_DIR, "tests", "integration", "endpoint_probe")
ORACLE = os.path.join(SOURCE_DIR, "tests", "sdk", "endpoint_oracle.js")
SDK = os.environ.get("SSM_AWS_SDK") or os.path.join(SOURCE_DIR, "build", "tools", "aws-sdk")

# Our name of a service, botocore's, and whether the SDK is asked, too.
BOTOCORE_NAMES = {"ssm": "ssm", "ec2": "ec2", "sts": "sts", "sso": "sso", "sso_oidc": "sso-oidc", "kms": "kms",
                  "ec2_instance_connect": "ec2-instance-connect"}
SDK_SERVICES = ("ssm", "sts", "sso", "sso_oidc", "kms")
VARIANTS = [(fips, dual_stack) for fips in (False, True) for dual_stack in (False, True)]


def seed():
    chosen = int(os.environ.get("SSM_SEED") or int.from_bytes(os.urandom(4), "big"))
    print("seed: SSM_SEED=%d" % chosen)
    return chosen


def ask(command, cases):
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    environment = {"PATH": os.environ["PATH"], "NODE_OPTIONS": "--no-warnings"}  # about the age of Node.js
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, env=environment, text=True, check=True, timeout=100)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases), "%d answers to %d questions" % (len(answers), len(cases))
    return answers


def variant_case(region, fips, dual_stack):
    environment = {"AWS_REGION": region}
    environment.update({"AWS_USE_FIPS_ENDPOINT": "true"} if fips else {})
    environment.update({"AWS_USE_DUALSTACK_ENDPOINT": "true"} if dual_stack else {})
    return {"environment": environment, "config": ""}


def is_refusal(answer):
    return isinstance(answer, dict)


def without_slash(url):
    return url if is_refusal(url) else url.rstrip("/")


# ---- configurations ----

URLS = ["https://a", "https://b.example:8443", "https://c.example/path", "http://localhost:4566", "https://[::1]:9", "https://vpce-1.ssm.x"]
REGIONS = ["eu-west-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-east-1"]
SECTIONS = ["default", "profile dev", "profile other"]
SWITCHES = ("use_fips_endpoint", "use_dualstack_endpoint", "ignore_configured_endpoint_urls")


def random_profile(rng):
    lines = []
    if rng.random() < 0.5:
        lines.append("region = " + rng.choice(REGIONS))
    if rng.random() < 0.35:
        lines.append("endpoint_url = " + rng.choice(URLS))
    if rng.random() < 0.5:
        lines.append("services = " + rng.choice(["one", "two"]))
    for switch in SWITCHES:
        if rng.random() < 0.12:
            lines.append("%s = %s" % (switch, rng.choice(["true", "false"])))
    rng.shuffle(lines)
    return lines


def random_services(rng):
    lines = ["s3 =", "  endpoint_url = https://unused"]  # to the SDK an empty section is not there
    for service in SDK_SERVICES:
        if rng.random() < 0.4:
            lines += ["%s =" % service, "  endpoint_url = " + rng.choice(URLS)]
            if rng.random() < 0.2:
                lines.insert(len(lines) - rng.randrange(0, 2), "  another_key = x")
    return lines


def random_case(rng):
    environment = {}
    for name, values, chance in (("AWS_REGION", REGIONS, 0.4), ("AWS_PROFILE", ["dev", "default"], 0.5), ("AWS_ENDPOINT_URL", URLS, 0.15),
                                 ("AWS_USE_FIPS_ENDPOINT", ["true", "false"], 0.12), ("AWS_USE_DUALSTACK_ENDPOINT", ["true", "false"], 0.12),
                                 ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ["true", "false"], 0.12),
                                 *(("AWS_ENDPOINT_URL_" + service.upper(), URLS, 0.12) for service in SDK_SERVICES)):
        if rng.random() < chance:
            environment[name] = rng.choice(values)
    lines = []
    for name in SECTIONS:
        lines += ["[%s]" % name, *random_profile(rng), ""]
    for name in ("one", "two"):
        lines += ["[services %s]" % name, *random_services(rng), ""]
    return {"environment": environment, "config": "\n".join(lines)}


# ---- proxies ----

PROXIES = ["http://proxy.corp:3128", "http://proxy.corp", "https://proxy.corp", "proxy.corp:8080", "//proxy.corp:1", "http://us%20er:p%40%3a@proxy:1/"]
EXEMPTIONS = ["amazonaws.com", ".amazonaws.com", "..amazonaws.com", "ssm.eu-west-1.amazonaws.com", "SSM.eu-west-1.amazonaws.com", "mazonaws.com",
              "127.0.0.1", "0.0.1", "localhost", "host:8443", "corp", "corp:8443", "[::1]", "*", "", " ", "eu-west-1", "api.aws"]
HOSTS = ["ssm.eu-west-1.amazonaws.com", "amazonaws.com", "127.0.0.1:9443", "localhost:9443", "host:8443", "host.corp:8443", "host.corp", "[::1]:9",
         "ssm.eu-west-1.api.aws"]


def random_proxy_case(rng):
    environment = {}
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        if rng.random() < 0.4:
            environment[name] = rng.choice(PROXIES)
    for name in ("no_proxy", "NO_PROXY"):
        if rng.random() < 0.5:
            environment[name] = ",".join(rng.choice(EXEMPTIONS) for _ in range(rng.choice([1, 1, 2, 4])))
    return {"environment": environment, "url": "https://%s/" % rng.choice(HOSTS)}


def botocore_proxy(case):
    with mock.patch.dict(os.environ, case["environment"], clear=True):
        configuration = httpsession.ProxyConfiguration(proxies=utils.get_environ_proxies(case["url"]))
        url = configuration.proxy_url_for(case["url"])
        if url is None:
            return {"proxy": None}
        parsed = utils.urlparse(url)
        port = parsed.port or {"http": 80, "https": 443}[parsed.scheme]
        answer = {"proxy": "%s://%s:%d" % (parsed.scheme, parsed.hostname, port)}
        basic = configuration.proxy_headers_for(url).get("Proxy-Authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(basic).decode().partition(":")
        return dict(answer, user=user, password=password) if user else answer


@unittest.skipUnless(IS_CLI, "the AWS CLI's own botocore is not installed")
class BotocoreTest(unittest.TestCase):
    def rule_sets(self):
        loader = loaders.create_loader()
        partitions = loader.load_data("partitions")
        return partitions, {name: endpoint_provider.EndpointProvider(loader.load_service_model(botocore, "endpoint-rule-set-1"), partitions)
                            for name, botocore in BOTOCORE_NAMES.items()}

    def allowed(self, service, partition, fips, dual_stack):
        """Newer than this botocore."""
        return (partition.startswith("aws-iso") and dual_stack) or \
            (partition == "aws-us-gov" and service in ("sso", "sso_oidc") and fips and not dual_stack)

    def test_botocore_regions_and_variants(self):
        partitions, providers = self.rule_sets()
        regions = [(partition["id"], region) for partition in partitions["partitions"] for region in partition["regions"]
                   if not region.endswith("-global")]
        cases = [(partition, region, *variant) for partition, region in regions for variant in VARIANTS]
        answers = ask([PROBE], [variant_case(*case[1:]) for case in cases])
        compared = allowed = 0
        for (partition, region, fips, dual_stack), ours in zip(cases, answers, strict=True):
            for service, provider in providers.items():
                if self.allowed(service, partition, fips, dual_stack):
                    allowed += 1
                    continue
                theirs = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack).url
                self.assertEqual(without_slash(ours["endpoints"][service]), theirs, (region, fips, dual_stack))
                compared += 1
        print("%d endpoints in %d regions, %d others newer" % (compared, len(regions), allowed))
        self.assertGreater(compared, 500)

    def test_a_url_counts_as_it_stands(self):
        """FIPS and dual stack are set aside where --endpoint-url is given, as the CLI's client does it."""
        environment = {"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
                       "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true"}
        ours, = ask([PROBE], [{"environment": environment, "config": "", "endpoint_url": "https://vpce-1.ssm-fips.x:8443"}])
        with mock.patch.dict(os.environ, environment, clear=True):
            client = session.get_session().create_client("ssm", endpoint_url="https://vpce-1.ssm-fips.x:8443")
            sent = []
            client.meta.events.register("before-send.*", lambda request, **_: sent.append(request.url) or mock.Mock(
                status_code=200, headers={}, content=b"{}", text="{}"))
            try:
                client.describe_instance_information()
            except exceptions.BotoCoreError as error:
                self.fail(error)
        self.assertEqual(sent, [ours["endpoints"]["ssm"]])

    def test_proxies(self):
        rng = random.Random(seed())
        cases = [random_proxy_case(rng) for _ in range(2000)]
        used = 0
        for case, ours in zip(cases, ask([PROBE], cases), strict=True):
            theirs = botocore_proxy(case)
            self.assertEqual(ours, theirs, case)
            used += theirs["proxy"] is not None
        print("%d cases, %d with a proxy" % (len(cases), used))
        self.assertGreater(used, 300)


class SdkTest(unittest.TestCase):
    def setUp(self):
        if not os.path.isdir(os.path.join(SDK, "node_modules", "@aws-sdk", "client-ssm")):
            self.skipTest("the AWS SDK for JavaScript is not installed below %s (%s)" % (SDK, os.environ.get("SSM_AWS_SDK_REASON") or "./run test does it"))

    def sdk(self, cases):
        return ask(["node", ORACLE, os.path.abspath(SDK)], cases)

    def test_sdk_regions_and_variants(self):
        with open(os.path.join(SDK, "node_modules/@aws-sdk/util-endpoints/dist-cjs/lib/aws/partitions.json"), encoding="utf-8") as file:
            partitions = json.load(file)["partitions"]
        regions = [region for partition in partitions for region in partition["regions"] if not region.endswith("-global")]
        cases = [variant_case(region, *variant) for region in regions for variant in VARIANTS]
        theirs = self.sdk(cases)
        for case, our, their in zip(cases, ask([PROBE], cases), theirs, strict=True):
            for service in SDK_SERVICES:
                self.assertEqual(our["endpoints"][service], their["endpoints"][service], case)
        print("%d regions" % len(regions))
        self.assertGreater(len(regions), 40)

    def compare(self, case, ours, theirs):
        """How many of the services' endpoints were configured by URL."""
        if "refused" in ours:  # no region: theirs refuses every service
            self.assertTrue(all(map(is_refusal, theirs["endpoints"].values())), (case, ours, theirs))
            return 0
        urls = 0
        for service in SDK_SERVICES:
            our, their = ours["endpoints"][service], theirs["endpoints"][service]
            if is_refusal(their) and "custom endpoint are not supported" in their["refused"]:
                self.assertFalse(is_refusal(our), (case, our))  # theirs refuses a URL beside FIPS or dual stack
                continue
            self.assertEqual(without_slash(our), without_slash(their), "%s\n%s: %s" % (json.dumps(case, indent=1), service, case["config"]))
            urls += "amazon" not in str(our) and "api.aws" not in str(our)
        region = theirs["region"]
        self.assertTrue(region in ("", ours["region"]), (case, region))
        return urls

    def test_configured_endpoints(self):
        rng = random.Random(seed())
        cases = [random_case(rng) for _ in range(200)]
        theirs = self.sdk(cases)
        urls = sum(self.compare(case, our, their) for case, our, their in zip(cases, ask([PROBE], cases), theirs, strict=True))
        print("%d cases, %d endpoints by URL" % (len(cases), urls))
        self.assertGreater(urls, 200)

    def test_what_differs_on_purpose(self):
        missing = {"environment": {"AWS_REGION": "eu-west-1"}, "config": "[default]\nservices = elsewhere\nendpoint_url = https://a\n"}
        switch = {"environment": {"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "1"}, "config": ""}
        plain = {"environment": {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://10.0.0.1"}, "config": ""}
        theirs = self.sdk([missing, switch, plain])
        for case, our, their in zip((missing, switch, plain), ask([PROBE], [missing, switch, plain]), theirs, strict=True):
            self.assertTrue(is_refusal(our["endpoints"]["ssm"]), case)
            self.assertFalse(is_refusal(their["endpoints"]["ssm"]), "no difference any more: %s" % case)


if __name__ == "__main__":
    unittest.main()
