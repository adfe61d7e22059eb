"""Which callback URLs a registration and a subscription take: the same ones."""

from .steps import KEY, a_job, client_of, flaws

REFUSED = [
    "https://10.0.0.1/hook",
    "https://192.168.1.1",
    "https://172.16.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://2130706433/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://localhost/hook",
    "https://LOCALHOST./hook",
    "https://a.localhost/hook",
    "https://printer.local/",
    "https://vault.internal/",
    "https://user:password@receiver.example/",
    "https://user@receiver.example/",
    "https://receiver.example\\@127.0.0.1/",
    "http://receiver.example/hook",
    "http://8.8.8.8/hook",
    "ftp://receiver.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://receiver.example:0/",
    "https://receiver.example:22/",
    "https://receiver.example:1023/",
    "https://receiver.example:65536/",
    "https://receiver.example:port/",
    "https://receiver.example/#part",
    "receiver.example/hook",
    "//receiver.example/hook",
    "not a URL",
    "https://",
    "https:///hook",
    "https://re ceiver.example/",
    "https://receiver.example/\r\nhost: other",
    "https://-receiver.example/",
    "https://receiver..example/",
    "https://[::1/",
    "https://127.0.0.1%2f@receiver.example/",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "https://ex\u00adample.com/",
    "https://\u2100.example/",
]
ACCEPTED = [
    "https://receiver.example/hook",
    "https://receiver.example",
    "https://receiver.example:443/hook?token=a%20b&c=d",
    "https://receiver.example:80/",
    "https://receiver.example:1024/",
    "https://receiver.example:65535/",
    "https://RECEIVER.example./hook",
    "https://bücher.example/hook",
    "https://xn--bcher-kva.example/hook",
    "https://日本語.example/",
    "https://8.8.8.8/hook",
    "https://[2606:4700:4700::1111]/hook",
    "https://127.0.0.1:9000/hook",
    "http://127.0.0.1:9000/hook",
]


async def test_url_that_must_not_be_called_is_refused_at_once(client):
    for path, body in (("/v1/jobs", a_job()), ("/v1/subscriptions", {})):
        pointers = {url: flaws(await client.post(path, json=body | {"callback_url": url})) for url in REFUSED}
        assert {url: found for url, found in pointers.items() if found != ["/callback_url"]} == {}


async def test_public_url_is_taken_and_shown_as_it_was_given(client):
    for number, url in enumerate(ACCEPTED):
        for path, body in (("/v1/jobs", a_job(number, callback_url=url)), ("/v1/subscriptions", {"callback_url": url})):
            response = await client.post(path, json=body)
            assert (response.status_code, response.json().get("callback_url")) == (201, url)


async def test_plain_http_and_names_are_taken_where_the_operator_says_so(start):
    service = await start(TRACKER_ALLOW_HTTP="1", TRACKER_ALLOWED_NETWORKS="vault.internal,10.0.0.0/8")
    async with client_of(service, KEY) as client:
        for number, url in enumerate(["http://receiver.example/", "http://VAULT.internal/", "http://10.1.2.3:8080/"]):
            assert (await client.post("/v1/jobs", json=a_job(number, callback_url=url))).status_code == 201
        for url in ("http://other.internal/", "http://sub.vault.internal/", "http://127.0.0.1/", "http://172.16.0.1/"):
            assert flaws(await client.post("/v1/jobs", json=a_job(callback_url=url))) == ["/callback_url"]
