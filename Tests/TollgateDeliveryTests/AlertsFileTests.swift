import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateStores

@Suite("The file of handlers")
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

    @Test("names handlers of every type, with what only they are told")
    func whole() throws {
        let contents = try read(
            """
            handlers:
              - { name: billing, type: webhook, url: "https://billing.example.com/hook?k=v", secret_file: hook-secret }
              - { name: chat, type: slack, url_file: slack-url, severities: [critical] }
              - { name: pager, type: alertmanager, url: http://127.0.0.1:9093 }
              - { name: bus, type: pubsub, channel: tollgate-alerts, kinds: [user, tool+user], meters: [cost, tokens] }
              - { name: log, type: log }
            """,
            files: [
                "hook-secret": Self.secret + "\n", "slack-url": "https://hooks.slack.com/services/T0/B0/XYZ\n",
            ])
        let handlers = contents.handlers
        #expect(handlers.map(\.name) == ["billing", "chat", "pager", "bus", "log"])
        #expect(handlers.map(\.type) == [.webhook, .slack, .alertmanager, .pubsub, .log])
        #expect(
            handlers.map(\.place)
                == ["billing.example.com", "hooks.slack.com", "127.0.0.1:9093", "tollgate-alerts", nil])
        guard case .webhook(let address, let secret) = handlers[0].target else { throw TestFailure("no webhook") }
        #expect(address.text == "https://billing.example.com/hook?k=v")
        #expect(secret?.text == Self.secret)
        #expect(handlers[1].filter == .init(severities: [.critical]))
        #expect(handlers[3].filter.meters == [.cost, .tokens])
        #expect(handlers[3].filter.kinds?.map(\.description).sorted() == ["user", "user+tool"])
        #expect(handlers[4].filter == .init())
        #expect(contents.warnings.count == 1 && contents.warnings[0].contains("alerts.yaml"), "it holds a URL itself")
        var dumped = ""
        dump(handlers, to: &dumped)
        for text in [dumped, "\(handlers)", String(reflecting: handlers)] {
            #expect(!text.contains("XYZ") && !text.contains("k=v") && !text.contains(Self.secret), "\(text)")
        }
    }

    @Test("files that others can read are a warning")
    func warnings() throws {
        let text = "handlers: [{ name: chat, type: slack, url_file: slack-url }]"
        let url = ["slack-url": "https://hooks.slack.com/services/T0/B0/XYZ"]
        #expect(try read(text, files: url).warnings.isEmpty)
        let warnings = try read(text, files: url, mode: 0o644).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasSuffix("slack-url") == true && warnings.first?.contains("XYZ") == false)
    }

    @Test("no handlers are possible, and so are thirty-two")
    func counts() throws {
        let none = try read("handlers: []")
        #expect(none.handlers.isEmpty)
        #expect(none.warnings.count == 1 && none.warnings[0].hasSuffix("nobody is told of alerts, not even the log"))
        let line = { (count: Int) in "  - { name: h\(count), type: log }\n" }
        #expect(try read("handlers:\n" + (1...32).map(line).joined()).handlers.count == 32)
        #expect(problem("handlers:\n" + (1...33).map(line).joined()).contains(": handlers: more than 32 handlers"))
    }

    static let problems = [
        ("", ":1: expected handlers:"), ("[]", ":1: expected handlers:"), ("{}", ":1: expected handlers:"),
        ("handlerz: []", ":1: handlerz: unknown key; did you mean handlers?"),
        ("handlers: {}", ":1: handlers: expected a list of { name, type, … }"),
        ("handlers:\n  - log", ":2: handlers[0]: expected { name, type, … }"),
        ("handlers:\n  - { type: log }", ":2: handlers[0].name: is missing"),
        ("handlers:\n  - { name: log }", ":2: handlers[0].type: is missing"),
        ("handlers:\n  - { name: Log, type: log }", ":2: handlers[0].name: expected a lower-case letter"),
        ("handlers:\n  - { name: \"a b\", type: log }", ":2: handlers[0].name: expected a lower-case letter"),
        ("handlers:\n  - { name: log, type: mail }", ":2: handlers[0].type: expected log or webhook or slack"),
        (
            "handlers:\n  - { name: log, type: log }\n  - { name: log, type: log }",
            ":3: handlers[1].name: log: named twice"
        ),
        (
            "handlers:\n  - { name: log, type: log, channel: x }",
            ":2: handlers[0].channel: handlers of type log have no such key"
        ),
        ("handlers:\n  - { name: a, type: slack }", ":2: handlers[0]: expected one of url and url_file"),
        (
            "handlers:\n  - { name: a, type: slack, url: \"http://a/XYZ\", url_file: b }",
            ":2: handlers[0]: expected one of url and url_file"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: \"ftp://a/XYZ\" }",
            ":2: handlers[0].url: expected a URL such as"
        ),
        ("handlers:\n  - { name: a, type: webhook, url: XYZ }", ":2: handlers[0].url: expected a URL such as"),
        (
            "handlers:\n  - { name: a, type: webhook, url: \"http://u:XYZ@a/\" }",
            ":2: handlers[0].url: expected a URL without a user or a password"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: \"http://a/ XYZ\" }",
            ":2: handlers[0].url: expected a URL of up to 2048 ASCII characters without spaces"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: \"http://a/#XYZ\" }",
            ":2: handlers[0].url: expected a URL without #"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: \"http://a:70000/XYZ\" }",
            ":2: handlers[0].url: expected a port from 1 to 65535"
        ),
        (
            "handlers:\n  - { name: a, type: alertmanager, url: \"http://a/?XYZ\" }",
            ":2: handlers[0].url: expected a URL without ?"
        ),
        ("handlers:\n  - { name: a, type: slack, url_file: bad }", ":2: handlers[0].url_file: expected a URL such as"),
        ("handlers:\n  - { name: a, type: slack, url_file: none }", ":2: handlers[0].url_file: the file is not there"),
        ("handlers:\n  - { name: a, type: slack, url_file: . }", ":2: handlers[0].url_file: the file is a folder"),
        (
            "handlers:\n  - { name: a, type: slack, url_file: \"https://hooks.slack.com/services/T/B/XYZ\" }",
            ":2: handlers[0].url_file: the file is not there"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: http://a, secret_file: XYZ }",
            ":2: handlers[0].secret_file: the file is not there"
        ),
        ("handlers:\n  - { name: a, type: https://a/XYZ }", ":2: handlers[0].type: expected log or webhook or slack"),
        ("handlers:\n  - { name: a, type: hunter2XYZ }", ":2: handlers[0].type: expected log or webhook or slack"),
        ("handlers:\n  - { name: a, type: log, https://a/XYZ: x }", ":2: handlers[0].…: unknown key; expected one of"),
        ("https://a/XYZ: x", ":1: …: unknown key; "),
        ("https://a/XYZ: x\nhttps://a/XYZ: x", ":2: duplicate key"),
        (
            "handlers:\n  - name: a\n    type: slack\n    https://a/XYZ: b\n    https://a/XYZ: b",
            ":5: duplicate key"
        ),
        ("handlers:\n  - { name: a, type: log, kinds: [https://a/XYZ] }", ":2: handlers[0].kinds: expected a kind"),
        ("handlers:\n  - { name: a, type: log, meters: [https://a/XYZ] }", ":2: handlers[0].meters: expected one of"),
        ("handlers:\n  - { name: a, name: b, type: log }", ":2: handlers: duplicate key name"),
        (
            "handlers:\n  - { name: a, type: alertmanager, url_file: query }",
            ":2: handlers[0].url_file: expected a URL without ?"
        ),
        (
            "handlers:\n  - { name: a, type: log, meters: [x] }\n  - { name: a, type: log }",
            ":3: handlers[1].name: a: named twice"
        ),
        (
            "handlers:\n  - { name: a, type: log, severities: critical }",
            ":2: handlers[0].severities: expected a list such as [critical], found critical"
        ),
        (
            "handlers:\n  - { name: a, type: webhook, url: http://a, secret_file: short }",
            ":2: handlers[0].secret_file: the file has to hold 16 to 8192 bytes"
        ),
        ("handlers:\n  - { name: a, type: pubsub }", ":2: handlers[0].channel: is missing"),
        (
            "handlers:\n  - { name: a, type: pubsub, channel: \"a\\nb\" }",
            ":2: handlers[0].channel: expected 1 to 256 bytes without control characters"
        ),
        ("handlers:\n  - { name: a, type: log, kinds: [User] }", ":2: handlers[0].kinds: User: a kind is"),
        ("handlers:\n  - { name: a, type: log, kinds: user }", ":2: handlers[0].kinds: expected a list of kinds"),
        (
            "handlers:\n  - { name: a, type: log, meters: [dollars] }",
            ":2: handlers[0].meters: expected one of requests, tokens,"
        ),
        (
            "handlers:\n  - { name: a, type: log, severities: [fatal] }",
            ":2: handlers[0].severities: expected warning or critical, found fatal"
        ),
        (
            "handlers:\n  - { name: a, type: log, severities: [] }",
            ":2: handlers[0].severities: expected a list such as [critical]; without the key it is all of them"
        ),
        (
            "handlers:\n  - { name: a, type: log, severities: [critical, critical] }",
            ":2: handlers[0].severities: critical: named twice"
        ),
    ]

    @Test("what is wrong is named with its line and key, and never with a URL or a secret", arguments: problems)
    func wrong(text: String, sentence: String) {
        let found = problem(text, files: ["bad": "XYZ", "short": "XYZ", "query": "http://a/?XYZ"])
        #expect(found.contains("alerts.yaml" + sentence), "\(found)")
        #expect(!found.contains("XYZ"), "\(found)")
    }

    @Test("a file that is not there is named")
    func missing() {
        #expect(throws: DeliveryError("--alerts /no/such.yaml: is not there")) {
            try AlertsFile(path: "/no/such.yaml").read()
        }
    }
}
