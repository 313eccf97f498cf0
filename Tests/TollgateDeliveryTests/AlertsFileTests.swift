import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateStores

@Suite("The file of receivers")
struct AlertsFileTests {
    private static let secret = "s3cr3t-s3cr3t-s3cr3t"

    private func read(_ text: String, files: [String: String] = [:], mode: Int = 0o600) throws -> AlertsFile.Contents {
        let folder = try TemporaryFolder()
        for (name, text) in files {
            try FileManager.default.setAttributes(
                [.posixPermissions: mode], ofItemAtPath: folder.write(text, to: name))
        }
        return try AlertsFile(path: folder.write(text, to: "alerts.yaml")).read()
    }

    private func problem(_ text: String, files: [String: String] = [:]) -> String {
        do {
            _ = try read(text, files: files)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("receivers of every type are read with their filters")
    func whole() throws {
        let contents = try read(
            """
            receivers:
              - { name: billing, type: webhook, url: "https://billing.example.com/hook?k=v", secret_file: hook-secret }
              - { name: chat, type: slack, url_file: slack-url, severities: [critical] }
              - { name: pager, type: alertmanager, url: http://127.0.0.1:9093 }
              - { name: bus, type: pubsub, channel: tollgate-alerts, kinds: [user, tool+user], meters: [cost, tokens] }
              - { name: log, type: log }
            """,
            files: [
                "hook-secret": Self.secret + "\n", "slack-url": "https://hooks.slack.com/services/T0/B0/XYZ\n",
            ])
        let receivers = contents.receivers
        #expect(receivers.map(\.name) == ["billing", "chat", "pager", "bus", "log"])
        #expect(receivers.map(\.type) == [.webhook, .slack, .alertmanager, .pubsub, .log])
        #expect(
            receivers.map(\.address)
                == ["billing.example.com", "hooks.slack.com", "127.0.0.1:9093", "tollgate-alerts", nil])
        guard case .webhook(let address, let secret) = receivers[0].endpoint else { throw TestFailure("no webhook") }
        #expect(address.text == "https://billing.example.com/hook?k=v")
        #expect(secret?.text == Self.secret)
        #expect(receivers[1].filter == .init(severities: [.critical]))
        #expect(receivers[3].filter.meters == [.cost, .tokens])
        #expect(receivers[3].filter.kinds?.map(\.description).sorted() == ["user", "user+tool"])
        #expect(receivers[4].filter == .init())
        #expect(contents.warnings.count == 1 && contents.warnings[0].contains("alerts.yaml"), "it holds a URL itself")
        var dumped = ""
        dump(receivers, to: &dumped)
        for text in [dumped, "\(receivers)", String(reflecting: receivers)] {
            #expect(!text.contains("XYZ") && !text.contains("k=v") && !text.contains(Self.secret), "\(text)")
        }
    }

    @Test("files that others can read cause a warning")
    func warnings() throws {
        let text = "receivers: [{ name: chat, type: slack, url_file: slack-url }]"
        let url = ["slack-url": "https://hooks.slack.com/services/T0/B0/XYZ"]
        #expect(try read(text, files: url).warnings.isEmpty)
        let warnings = try read(text, files: url, mode: 0o644).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasSuffix("slack-url") == true && warnings.first?.contains("XYZ") == false)
    }

    @Test("the list can be empty, and has at most 32 receivers")
    func counts() throws {
        let none = try read("receivers: []")
        #expect(none.receivers.isEmpty)
        #expect(none.warnings.count == 1 && none.warnings[0].hasSuffix("alerts are not delivered, not even to the log"))
        let line = { (count: Int) in "  - { name: h\(count), type: log }\n" }
        #expect(try read("receivers:\n" + (1...32).map(line).joined()).receivers.count == 32)
        #expect(problem("receivers:\n" + (1...33).map(line).joined()).contains(": receivers: more than 32 receivers"))
    }

    static let problems = [
        ("", ":1: expected receivers:"), ("[]", ":1: expected receivers:"), ("{}", ":1: expected receivers:"),
        ("receiverz: []", ":1: receiverz: unknown key; did you mean receivers?"),
        ("receivers: {}", ":1: receivers: expected a list of { name, type, … }"),
        ("receivers:\n  - log", ":2: receivers[0]: expected { name, type, … }"),
        ("receivers:\n  - { type: log }", ":2: receivers[0].name: is missing"),
        ("receivers:\n  - { name: log }", ":2: receivers[0].type: is missing"),
        ("receivers:\n  - { name: Log, type: log }", ":2: receivers[0].name: expected a lower-case letter"),
        ("receivers:\n  - { name: \"a b\", type: log }", ":2: receivers[0].name: expected a lower-case letter"),
        ("receivers:\n  - { name: log, type: mail }", ":2: receivers[0].type: expected log or webhook or slack"),
        (
            "receivers:\n  - { name: log, type: log }\n  - { name: log, type: log }",
            ":3: receivers[1].name: log: duplicate name"
        ),
        (
            "receivers:\n  - { name: log, type: log, channel: x }",
            ":2: receivers[0].channel: receivers of type log have no such key"
        ),
        ("receivers:\n  - { name: a, type: slack }", ":2: receivers[0]: expected one of url and url_file"),
        (
            "receivers:\n  - { name: a, type: slack, url: \"http://a/XYZ\", url_file: b }",
            ":2: receivers[0]: expected one of url and url_file"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: \"ftp://a/XYZ\" }",
            ":2: receivers[0].url: expected a URL such as"
        ),
        ("receivers:\n  - { name: a, type: webhook, url: XYZ }", ":2: receivers[0].url: expected a URL such as"),
        (
            "receivers:\n  - { name: a, type: webhook, url: \"http://u:XYZ@a/\" }",
            ":2: receivers[0].url: expected a URL without a user or a password"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: \"http://a/ XYZ\" }",
            ":2: receivers[0].url: expected a URL of up to 2048 ASCII characters without spaces"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: \"http://a/#XYZ\" }",
            ":2: receivers[0].url: expected a URL without #"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: \"http://a:70000/XYZ\" }",
            ":2: receivers[0].url: expected a port from 1 to 65535"
        ),
        (
            "receivers:\n  - { name: a, type: alertmanager, url: \"http://a/?XYZ\" }",
            ":2: receivers[0].url: expected a URL without ?"
        ),
        (
            "receivers:\n  - { name: a, type: slack, url_file: bad }",
            ":2: receivers[0].url_file: expected a URL such as"
        ),
        (
            "receivers:\n  - { name: a, type: slack, url_file: none }",
            ":2: receivers[0].url_file: the file does not exist"
        ),
        ("receivers:\n  - { name: a, type: slack, url_file: . }", ":2: receivers[0].url_file: the file is a directory"),
        (
            "receivers:\n  - { name: a, type: slack, url_file: \"https://hooks.slack.com/services/T/B/XYZ\" }",
            ":2: receivers[0].url_file: the file does not exist"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: http://a, secret_file: XYZ }",
            ":2: receivers[0].secret_file: the file does not exist"
        ),
        ("receivers:\n  - { name: a, type: https://a/XYZ }", ":2: receivers[0].type: expected log or webhook or slack"),
        ("receivers:\n  - { name: a, type: hunter2XYZ }", ":2: receivers[0].type: expected log or webhook or slack"),
        (
            "receivers:\n  - { name: a, type: log, https://a/XYZ: x }",
            ":2: receivers[0].…: unknown key; expected one of"
        ),
        ("https://a/XYZ: x", ":1: …: unknown key; "),
        ("https://a/XYZ: x\nhttps://a/XYZ: x", ":2: duplicate key"),
        (
            "receivers:\n  - name: a\n    type: slack\n    https://a/XYZ: b\n    https://a/XYZ: b",
            ":5: duplicate key"
        ),
        ("receivers:\n  - { name: a, type: log, kinds: [https://a/XYZ] }", ":2: receivers[0].kinds: expected a kind"),
        ("receivers:\n  - { name: a, type: log, meters: [https://a/XYZ] }", ":2: receivers[0].meters: expected one of"),
        ("receivers:\n  - { name: a, name: b, type: log }", ":2: receivers: duplicate key name"),
        (
            "receivers:\n  - { name: a, type: alertmanager, url_file: query }",
            ":2: receivers[0].url_file: expected a URL without ?"
        ),
        (
            "receivers:\n  - { name: a, type: log, meters: [x] }\n  - { name: a, type: log }",
            ":3: receivers[1].name: a: duplicate name"
        ),
        (
            "receivers:\n  - { name: a, type: log, severities: critical }",
            ":2: receivers[0].severities: expected a list such as [critical], found critical"
        ),
        (
            "receivers:\n  - { name: a, type: webhook, url: http://a, secret_file: short }",
            ":2: receivers[0].secret_file: the file must contain 16 to 8192 bytes"
        ),
        ("receivers:\n  - { name: a, type: pubsub }", ":2: receivers[0].channel: is missing"),
        (
            "receivers:\n  - { name: a, type: pubsub, channel: \"a\\nb\" }",
            ":2: receivers[0].channel: expected 1 to 256 bytes without control characters"
        ),
        ("receivers:\n  - { name: a, type: log, kinds: [User] }", ":2: receivers[0].kinds: User: a kind is"),
        ("receivers:\n  - { name: a, type: log, kinds: user }", ":2: receivers[0].kinds: expected a list of kinds"),
        (
            "receivers:\n  - { name: a, type: log, meters: [dollars] }",
            ":2: receivers[0].meters: expected one of requests, tokens,"
        ),
        (
            "receivers:\n  - { name: a, type: log, severities: [fatal] }",
            ":2: receivers[0].severities: expected warning or critical, found fatal"
        ),
        (
            "receivers:\n  - { name: a, type: log, severities: [] }",
            ":2: receivers[0].severities: expected a list such as [critical]; omit the key to match all"
        ),
        (
            "receivers:\n  - { name: a, type: log, severities: [critical, critical] }",
            ":2: receivers[0].severities: critical: duplicate value"
        ),
    ]

    @Test("problems name the line and the key, and never quote a URL or a secret", arguments: problems)
    func wrong(text: String, sentence: String) {
        let found = problem(text, files: ["bad": "XYZ", "short": "XYZ", "query": "http://a/?XYZ"])
        #expect(found.contains("alerts.yaml" + sentence), "\(found)")
        #expect(!found.contains("XYZ"), "\(found)")
    }

    @Test("the error names a missing file")
    func missing() {
        #expect(throws: OperatorError("--alerts /no/such.yaml: does not exist")) {
            try AlertsFile(path: "/no/such.yaml").read()
        }
    }
}
