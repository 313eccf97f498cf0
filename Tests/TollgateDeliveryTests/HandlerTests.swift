import Foundation
import Logging
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Messages to receivers")
struct HandlerTests {
    private static let secret = "s3cr3t-s3cr3t-s3cr3t"

    /// The snippet in docs/delivery.md that verifies a signature.
    static let snippet = """
        import hashlib, hmac, time

        def verify(secret: bytes, header: str, body: bytes, tolerance=300) -> bool:
            fields = dict(part.partition("=")[::2] for part in header.split(","))
            sent_at, signature = fields.get("t", ""), fields.get("v1", "")
            if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > tolerance:
                return False
            expected = hmac.new(secret, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
            return hmac.compare_digest(expected.encode(), signature.encode())
        """

    @Test("a webhook gets the event as JSON with headers that identify it")
    func webhook() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    let alert = try await harness.open()
                    try await eventually { receiver.requests.count == 1 }
                    let request = receiver.requests[0]
                    #expect(request.method == "POST" && request.path == "/hook")
                    #expect(request.headers["content-type"] == "application/json")
                    #expect(request.headers["user-agent"] == "tollgate/0.0.1")
                    #expect(request.headers["tollgate-signature"] == nil)
                    let id = try #require(request.delivery)
                    #expect(
                        request.body
                            == #"{"alert":\#(try CanonicalJSON.text(alert)),"delivery":"\#(id)","event":"opened"}"#)
                }
            }
        }
    }

    @Test(
        "the snippet in the documentation verifies a signed webhook",
        .enabled(if: Python.isThere, "needs Python"))
    func signature() async throws {
        let document = try String(
            contentsOfFile: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().path + "/docs/delivery.md", encoding: .utf8)
        #expect(document.contains(Self.snippet), "docs/delivery.md has another snippet than is tested")
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver, secret: Self.secret)]) {
                    try await harness.open("user:日本 \"x\"")
                    try await eventually { receiver.requests.count == 1 }
                }
                let request = receiver.requests[0]
                let header = try #require(request.headers["tollgate-signature"])
                let folder = try TemporaryFolder()
                let body = try folder.write(request.body, to: "body")
                let program = """
                    \(Self.snippet)

                    import sys
                    secret, header, body = sys.argv[1].encode(), sys.argv[2], open(sys.argv[3], "rb").read()
                    old = header.replace("t=", "t=1")
                    print(verify(secret, header, body), verify(secret, header, body + b" "),
                          verify(secret + b"x", header, body), verify(secret, old, body),
                          verify(secret, header, body, tolerance=-1),
                          verify(secret, header.split("v1=")[0] + "v1=\\u00e9", body), verify(secret, "", body))
                    """
                let result = try await Command.run(Python.program, ["-c", program, Self.secret, header, body])
                #expect(result.output == "True False False False False False False\n", "\(result.errors)")
                #expect(!request.body.contains(Self.secret) && !harness.log.text.contains(Self.secret))
            }
        }
    }

    @Test("a signature equals the one of openssl")
    func signatureText() {
        // printf '1795219201.{"a":1}' | openssl dgst -sha256 -hmac s3cr3t-s3cr3t-s3cr3t
        #expect(
            Signature.text(of: #"{"a":1}"#, at: 1_795_219_201, secret: Self.secret)
                == "t=1795219201,v1=c82c0a9830c4140ae326f2f9966cb38939008dd22e2726f2326bc69278389ef5")
    }

    @Test("Slack gets a sentence without links and mentions")
    func slack() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let alertReceiver = AlertReceiver(name: "chat", endpoint: .slack(try WebAddress(parsing: receiver.url)))
                try await harness.delivering([alertReceiver]) {
                    let alert = try await harness.open("user:<!channel> & co", threshold: 80)
                    try await harness.resolve(alert)
                    try await eventually { receiver.requests.count == 2 }
                }
                let texts = receiver.requests.map { $0["text"] ?? "" }
                let start =
                    "⚠️ user:&lt;!channel&gt; &amp; co has used 101.2 % of cost/day (20.24 of 20 USD), resets 20"
                #expect(texts[0].hasPrefix(start), "\(texts)")
                #expect(texts[0].hasSuffix(" UTC"))
                #expect(
                    texts[1]
                        == "✅ user:&lt;!channel&gt; &amp; co has used 101.2 % of cost/day (20.24 of 20 USD); resolved because its period has ended"
                )
                let blocks = receiver.requests[0].object?["blocks"] as? [[String: Any]]
                let text = blocks?.first?["text"] as? [String: Any]
                #expect(text?["type"] as? String == "plain_text" && text?["emoji"] as? Bool == false)
                #expect(text?["text"] as? String == texts[0])
            }
        }
    }

    @Test(
        "links, markup and emoji in an id are inert in Slack and in compatible services",
        arguments: [
            ("user:https://evil.example", "user꞉https꞉//evil.example"), ("user:*x*", "user:∗x∗"),
            ("user:`x` ~y~", "user:ˋxˋ ∼y∼"), ("user:a_b _c_", "user:a_b ˍcˍ"), ("user:x:smile:", "user꞉x꞉smile:"),
        ])
    func slackMarkup(scope: String, shown: String) async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let alertReceiver = AlertReceiver(name: "chat", endpoint: .slack(try WebAddress(parsing: receiver.url)))
                try await harness.delivering([alertReceiver]) {
                    try await harness.open(scope)
                    try await eventually { receiver.requests.count == 1 }
                }
                let object = try #require(receiver.requests[0].object)
                #expect((object["text"] as? String)?.hasPrefix("🚨 \(shown) has used") == true, "\(object)")
                #expect(object["mrkdwn"] as? Bool == false && object["parse"] as? String == "none")
                let text = (object["blocks"] as? [[String: Any]])?.first?["text"] as? [String: Any]
                #expect(text?["type"] as? String == "plain_text" && text?["emoji"] as? Bool == false)
                #expect((text?["text"] as? String)?.hasPrefix("🚨 \(scope) has used") == true, "\(object)")
            }
        }
    }

    @Test(
        "Alertmanager gets the same labels when an alert opens and is resolved, and no acknowledgements"
    )
    func alertmanager() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let address = try WebAddress(parsing: "http://127.0.0.1:\(receiver.port)/prefix/")
                let alertReceiver = AlertReceiver(name: "pager", endpoint: .alertmanager(address))
                try await harness.delivering([alertReceiver]) {
                    let alert = try await harness.open("user:alice+tool:search")
                    var seen = alert
                    seen.acknowledged = .init(at: alert.openedAt + 5, by: "ops")
                    seen.state = .acknowledged
                    try harness.redis.cli(
                        "XADD", harness.store.keys.deliveries, "*", "event", "acknowledged", "alert",
                        try CanonicalJSON.text(seen))
                    try await harness.resolve(alert)
                    let endless = try await harness.open("user:bob", threshold: 80, period: .total)
                    let sliding = try await harness.open("user:bob", threshold: 80, period: .sliding(seconds: 3_600))
                    try await eventually { receiver.requests.count == 4 }
                    try await eventually { try await harness.report("pager").pending == 0 }
                    let messages = try receiver.requests.map { try #require(Message.all($0.body).first) }
                    #expect(receiver.requests.allSatisfy { $0.path == "/prefix/api/v2/alerts" })
                    #expect(
                        messages[0].labels == [
                            "alertname": "TollgateQuotaExceeded", "severity": "critical",
                            "scope": "user:alice+tool:search", "kind": "user+tool", "limit": "cost/day",
                            "threshold": "100", "max": "20", "tollgate": "tollgate",
                        ])
                    #expect(messages[1].labels == messages[0].labels)
                    #expect(messages[0].startsAt == UTCTime.text(milliseconds: alert.openedAt))
                    #expect(messages[1].startsAt == messages[0].startsAt)
                    #expect(messages[0].endsAt == UTCTime.text(milliseconds: try #require(alert.endsAt)))
                    #expect(messages[1].endsAt == messages[1].startsAt, "it refuses an end before the start")
                    #expect(messages[2].labels["alertname"] == "TollgateApproachingLimit")
                    #expect(
                        messages[2].endsAt == UTCTime.text(milliseconds: endless.openedAt + 30 * 86_400_000))
                    #expect(
                        messages[3].endsAt == UTCTime.text(milliseconds: sliding.openedAt + 30 * 86_400_000),
                        "it may still apply when its window has passed")
                    #expect(messages[0].annotations["used"] == "20.24" && messages[0].annotations["max"] == "20")
                }
            }
        }
    }

    private struct Message: Decodable {
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        var endsAt: String

        static func all(_ body: String) throws -> [Message] {
            try JSONDecoder().decode([Message].self, from: Data(body.utf8))
        }
    }

    @Test("a channel of Redis gets the webhook's JSON")
    func pubsub() async throws {
        try await DeliveryHarness.with { harness in
            let folder = try TemporaryFolder()
            let output = try FileHandle(forWritingTo: folder.emptyFile("out"))
            let listener = Process()
            listener.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            listener.arguments = ["redis-cli", "-s", harness.redis.socketPath, "SUBSCRIBE", "alerts here"]
            listener.standardInput = FileHandle.nullDevice
            listener.standardOutput = output
            listener.standardError = FileHandle.nullDevice
            try listener.run()
            defer { listener.terminate() }
            let heard = { (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? "" }
            try await eventually { try harness.redis.cli("PUBSUB", "NUMSUB", "alerts here").hasSuffix("1") }
            try await harness.delivering([AlertReceiver(name: "bus", endpoint: .pubsub(channel: "alerts here"))]) {
                let alert = try await harness.open()
                try await eventually { heard().contains(#"{"alert":\#(try CanonicalJSON.text(alert)),"delivery":""#) }
                try await eventually { try await harness.report("bus").pending == 0 }
            }
        }
    }

    @Test("the log gets one line of at most level warning, whatever the id contains")
    func log() async throws {
        try await DeliveryHarness.with { harness in
            try await harness.delivering(AlertReceiver.standard) {
                let exceeded = try await harness.open("user:a\u{2028}b")
                let near = try await harness.open("tool:search", .requests, threshold: 80, period: .total)
                try await harness.resolve(exceeded)
                try await eventually { try await harness.report("log").unread == 0 }
                try await eventually { try await harness.report("log").pending == 0 }
                let lines = harness.log.text.split(separator: "\n").filter { $0.contains(" alert ") }
                #expect(lines.count == 3)
                #expect(
                    lines[0].hasPrefix(
                        "warning alert opened: user:a?b has used 101.2 % of cost/day (20.24 of 20 USD), resets 20"))
                #expect(lines[0].contains(" alert=\(exceeded.id) "))
                #expect(
                    lines[1].hasPrefix(
                        "warning alert opened: tool:search has used 101.2 % of requests/total (20240000000 of 20000000000) alert=\(near.id) "
                    ))
                #expect(
                    lines[2].hasPrefix("notice alert resolved: user:a?b has used 101.2 % of cost/day"))
            }
        }
    }

    @Test(
        "an untrusted certificate and a server without TLS are failures with a clear reason",
        .enabled("needs openssl and Python") { await SecureReceiver.isPossible() })
    func secure() async throws {
        let secure = try await SecureReceiver()
        try await DeliveryHarness.with { harness in
            try await Receiver.with { plain in
                let alertReceivers = try [("distrusted", secure.port), ("plain", plain.port)].map { name, port in
                    AlertReceiver(
                        name: name,
                        endpoint: .webhook(try WebAddress(parsing: "https://localhost:\(port)/T0KEN"), secret: nil))
                }
                try await harness.delivering(alertReceivers) {
                    try await harness.open()
                    for (name, sentence) in [
                        ("distrusted", "the certificate is not trusted: unknown issuer, or expired"),
                        ("plain", "the server does not use TLS; is the scheme http?"),
                    ] {
                        try await eventually { try await !harness.report(name).failing.isEmpty }
                        #expect(try await harness.report(name).failing.first?.failure.lastError == sentence)
                    }
                }
                #expect(plain.requests.isEmpty)
            }
        }
        withExtendedLifetime(secure) {}
    }

    @Test("neither the log nor stored failures contain a URL with a token")
    func noSecrets() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(500, body: "T0KEN-in-the-answer") }) { receiver in
                let gone = try await Receiver.start()
                let alertReceivers = try [receiver, gone].map { (receiver: Receiver) in
                    AlertReceiver(
                        name: receiver === gone ? "gone" : "chat",
                        endpoint: .slack(try WebAddress(parsing: receiver.url + "/T0KEN?key=T0KEN")))
                }
                await gone.stop()
                var timing = DeliveryHarness.timing
                timing.deadLetterAfter = .milliseconds(300)
                try await harness.delivering(alertReceivers, timing) {
                    try await harness.open()
                    for name in ["chat", "gone"] {
                        try await eventually { try await harness.report(name).deadLetteredCount == 1 }
                        #expect(!"\(try await harness.report(name))".contains("T0KEN"))
                    }
                }
                #expect(receiver.requests[0].path == "/hook/T0KEN?key=T0KEN")
                #expect(!harness.log.text.contains("T0KEN"), "\(harness.log.text)")
                try await eventually { harness.log.text.contains("status 500") }
            }
        }
    }
}
