import Foundation
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

/// A real Prometheus Alertmanager and a mail server that prints its messages. scripts/test installs both.
@Suite("Alertmanager, end to end")
struct AlertmanagerTests {
    /// Prints the port, and then each message's subject and text as a line of JSON.
    private static let mailServer = """
        import asyncio, email, email.policy, json
        from aiosmtpd.smtp import SMTP

        class Keeper:
            async def handle_DATA(self, server, session, envelope):
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                text = message.get_body(("plain", "html")).get_content()
                print(json.dumps({"subject": message["subject"], "to": message["to"], "text": text}), flush=True)
                return "250 OK"

        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: SMTP(Keeper(), hostname="localhost"), "127.0.0.1", 0)
            print("port", server.sockets[0].getsockname()[1], "", flush=True)
            await server.serve_forever()

        asyncio.run(main())
        """

    private static func settings(smtpPort: Int) -> String {
        """
        global:
          smtp_smarthost: 127.0.0.1:\(smtpPort)
          smtp_from: tollgate@example.com
          smtp_require_tls: false
        route:
          receiver: mail
          group_by: [scope, limit]
          group_wait: 0s
          group_interval: 1s
          repeat_interval: 1h
        receivers:
          - name: mail
            email_configs:
              - to: ops@example.com
                send_resolved: true
                headers:
                  subject: '{{ .Status }} {{ .CommonLabels.alertname }} {{ .CommonLabels.scope }}'
                html: ''
                text: '{{ range .Alerts }}{{ .Status }}: {{ .Annotations.description }}{{ end }}'

        """
    }

    private struct Mail: Decodable {
        var subject: String
        var to: String
        var text: String
    }

    private static func program() async throws -> String {
        for name in ["prometheus-alertmanager", "alertmanager"] {
            // The status is 127 if the program does not exist.
            if try await Command.run(name, ["--version"]).status == 0 { return name }
        }
        throw TestFailure("there is no prometheus-alertmanager in PATH: run scripts/install-dependencies --test")
    }

    private static func startMailServer() async throws -> BackgroundProgram {
        guard try await Command.run(Python.program, ["-c", "import aiosmtpd"]).status == 0 else {
            throw TestFailure("\(Python.program) has no package aiosmtpd: run scripts/test")
        }
        return try BackgroundProgram(Python.program, ["-c", Self.mailServer], folder: TemporaryFolder())
    }

    private static func startAlertmanager(_ program: String, smtpPort: Int) throws -> BackgroundProgram {
        let folder = try TemporaryFolder()
        let settings = try folder.write(settings(smtpPort: smtpPort), to: "alertmanager.yml")
        return try BackgroundProgram(
            program,
            [
                "--config.file=\(settings)", "--storage.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:0", "--cluster.listen-address=",
            ], folder: folder)
    }

    /// Runs the body with an Alertmanager that sends no e-mails.
    private static func withManager(_ body: (_ port: Int, AlertReceiver) async throws -> Void) async throws {
        let manager = try startAlertmanager(try await program(), smtpPort: 9)
        let port = try await manager.number(after: #"msg="Listening on" address=127.0.0.1:"#)
        let address = try WebAddress(parsing: "http://127.0.0.1:\(port)")
        try await body(port, AlertReceiver(name: "pager", endpoint: .alertmanager(address)))
        withExtendedLifetime(manager) {}
    }

    private struct Firing: Decodable {
        var annotations: [String: String]
    }

    /// Returns the ids of the alerts that are open in Alertmanager.
    private static func open(_ port: Int) async throws -> Set<String> {
        let client = try SocketClient(.tcp(port: port))
        try await client.send("GET /api/v2/alerts HTTP/1.0\r\n\r\n")
        let answer = String(decoding: try await client.readToEnd(), as: UTF8.self)
        let body = try #require(answer.range(of: "\r\n\r\n")).upperBound
        let firing = try JSONDecoder().decode([Firing].self, from: Data(answer[body...].utf8))
        return Set(firing.compactMap { $0.annotations["id"] })
    }

    @Test("resolving an alert ends it even if Alertmanager's clock is behind Redis's", arguments: [600_000, 0])
    func clockBehind(age: Int64) async throws {
        try await Self.withManager { port, receiver in
            try await DeliveryHarness.with { harness in
                try await harness.delivering([receiver]) {
                    let alert = try await harness.open(at: try harness.now() - age)
                    try await eventually { try await Self.open(port) == [alert.id] }
                    try await harness.resolve(alert, at: try harness.now() + 2_000)
                    try await eventually { try await Self.open(port) == [] }
                }
            }
        }
    }

    @Test(
        "resolving one of two alerts of a limit with different max leaves the other open"
    )
    func twoAmounts() async throws {
        try await Self.withManager { port, receiver in
            try await DeliveryHarness.with { harness in
                try await harness.delivering([receiver]) {
                    let now = try harness.now()
                    let low = try await harness.open(at: now)
                    let high = try await harness.open(max: 20_100_000_000, at: now + 1)
                    try await eventually { try await Self.open(port) == [low.id, high.id] }
                    try await harness.resolve(low)
                    try await eventually { try await harness.report("pager").pending == 0 }
                    try await eventually { try await Self.open(port) == [high.id] }
                }
            }
        }
    }

    @Test("opening and resolving an alert send an e-mail each")
    func mail() async throws {
        let mail = try await Self.startMailServer()
        let manager = try Self.startAlertmanager(
            try await Self.program(), smtpPort: try await mail.number(after: "port "))
        let port = try await manager.number(after: #"msg="Listening on" address=127.0.0.1:"#)
        let address = try WebAddress(parsing: "http://127.0.0.1:\(port)")
        let mails = {
            mail.output.split(separator: "\n").compactMap { try? JSONDecoder().decode(Mail.self, from: Data($0.utf8)) }
        }
        try await DeliveryHarness.with { harness in
            try await harness.delivering([AlertReceiver(name: "pager", endpoint: .alertmanager(address))]) {
                let alert = try await harness.open("user:alice")
                try await eventually(within: .seconds(60)) { mails().count == 1 }
                #expect(mails()[0].subject == "firing TollgateQuotaExceeded user:alice")
                #expect(mails()[0].to == "ops@example.com")
                #expect(
                    mails()[0].text.hasPrefix(
                        "firing: user:alice has used 101.2 % of cost/day (20.24 of 20 USD), resets"),
                    "\(mails()[0].text)")
                try await harness.resolve(alert)
                try await eventually(within: .seconds(60)) { mails().count == 2 }
                #expect(mails()[1].subject == "resolved TollgateQuotaExceeded user:alice")
                #expect(mails()[1].text.contains("user:alice"))
                try await eventually { try await harness.report("pager").pending == 0 }
            }
        }
        withExtendedLifetime((mail, manager)) {}
    }
}
