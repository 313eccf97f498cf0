import Foundation
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Changes of the receivers")
struct ReceiverReloadTests {
    private func receiver(_ name: String, _ host: String = "example.com") throws -> AlertReceiver {
        AlertReceiver(name: name, endpoint: .slack(try WebAddress(parsing: "https://\(host)/hook")))
    }

    @Test("a change names the receivers that were added, changed or removed")
    func change() throws {
        let old = [try receiver("a"), try receiver("b"), try receiver("c")]
        let new = [try receiver("d"), try receiver("a"), try receiver("b", "example.org")]
        #expect("\(ReceiverChange(from: old, to: new))" == "added d; changed b; removed c")
        #expect("\(ReceiverChange(from: old, to: old.reversed()))" == "no change")
        let receivers = AlertReceivers(old)
        #expect(receivers.reloadFailed("x") && !receivers.reloadFailed("x") && receivers.error == "x")
        #expect(!receivers.install(new).isEmpty)
        #expect(receivers.error == nil && receivers.active == new)
    }

    @Test("waiting deliveries of a kept or changed receiver survive, and an added one gets new events")
    func kept() async throws {
        try await DeliveryHarness.with { harness in
            let (old, new) = (try await Receiver.start { _, _ in .status(503) }, try await Receiver.start())
            let (kept, added) = (try await Receiver.start { _, _ in .status(503) }, try await Receiver.start())
            let receivers = AlertReceivers([try .webhook(old, name: "moved"), try .webhook(kept, name: "kept")])
            let running = try await harness.start(receivers)
            let first = try await harness.open("user:a")
            for name in ["moved", "kept"] {
                try await eventually { try await harness.report(name).failingCount == 1 }
            }
            _ = receivers.install([
                try .webhook(new, name: "moved"), try .webhook(kept, name: "kept"), try .webhook(added, name: "added"),
            ])
            try await eventually { try harness.hasGroup("added") }
            try await eventually(within: .seconds(30)) { new.requests.map(\.alert) == [first.id] }
            let second = try await harness.open("user:b")
            kept.answer { _, _ in .status(200) }
            try await eventually(within: .seconds(30)) { added.requests.last?.alert == second.id }
            for name in ["moved", "kept"] {
                try await eventually(within: .seconds(30)) {
                    let report = try await harness.report(name)
                    return report.pending == 0 && report.unread == 0
                }
            }
            #expect(new.requests.map(\.alert) == [first.id, second.id])
            #expect(Set(kept.requests.compactMap(\.alert)) == [first.id, second.id])
            #expect(!harness.log.text.contains("a removed receiver"))
            await running.stop()
            for receiver in [old, new, kept, added] { await receiver.stop() }
        }
    }

    @Test("undelivered events of a removed receiver are reported, and delivered when it is back")
    func removed() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503) }) { receiver in
                let hook = try AlertReceiver.webhook(receiver)
                let receivers = AlertReceivers([hook])
                let running = try await harness.start(receivers)
                let alert = try await harness.open()
                try await eventually { try await harness.report("hook").failingCount == 1 }
                _ = receivers.install([])
                try await eventually(within: .seconds(30)) {
                    harness.log.text.contains("warning a removed receiver has undelivered events")
                        && harness.log.text.contains("pending=1 receiver=hook unread=0")
                }
                let count = receiver.requests.count
                receiver.answer { _, _ in .status(200) }
                _ = receivers.install([hook])
                try await eventually(within: .seconds(30)) { receiver.requests.count == count + 1 }
                #expect(receiver.requests.last?.alert == alert.id)
                await running.stop()
            }
        }
    }

    /// Writes the file of receivers, and starts a reloader with short intervals.
    private func reloading(
        _ text: String, in folder: TemporaryFolder,
        _ body: (AlertReceivers, ReceiverReloader, CapturedLog) async throws
            -> Void
    ) async throws {
        let file = AlertsFile(path: try folder.write(text, to: "alerts.yaml"))
        let contents = try file.read()
        let (receivers, log) = (AlertReceivers(contents.receivers, file: contents.path), CapturedLog())
        let reloader = ReceiverReloader(
            contents: contents, receivers: receivers, interval: .milliseconds(5), settling: .milliseconds(20),
            logger: log.logger)
        let running = Task { await reloader.run() }
        defer { running.cancel() }
        try await body(receivers, reloader, log)
    }

    private static let limit = Duration.seconds(30)

    @Test("a changed file is read, a bad one leaves the receivers active and is reported once")
    func file() async throws {
        let folder = try TemporaryFolder()
        let log = "  - { name: log, type: log }\n"
        try await reloading("receivers:\n\(log)", in: folder) { receivers, reloader, captured in
            let bus = "  - { name: bus, type: pubsub, channel: c }\n"
            try folder.write("receivers:\n\(log)\(bus)", to: "alerts.yaml")
            try await eventually(within: Self.limit) { receivers.active.map(\.name) == ["log", "bus"] }
            try await eventually(within: Self.limit) {
                captured.text.contains("info alert receivers reloaded: added bus file=\(folder.path)/alerts.yaml")
            }
            try folder.write("receivers:\n  - { name: bus, type: pubsup }\n", to: "alerts.yaml")
            try await eventually(within: Self.limit) { receivers.error != nil }
            #expect(receivers.error?.hasPrefix("\(folder.path)/alerts.yaml:2: ") == true, "\(receivers.error ?? "")")
            #expect(receivers.active.map(\.name) == ["log", "bus"])
            reloader.reload()
            try folder.write("receivers:\n\(bus)", to: "alerts.yaml")
            try await eventually(within: Self.limit) { receivers.active.map(\.name) == ["bus"] }
            #expect(receivers.error == nil)
            let reports = captured.text.split(separator: "\n").filter {
                $0.hasPrefix("error alert receivers could not be reloaded; keeping the active ones: ")
            }
            #expect(reports.count == 1)
            try await eventually(within: Self.limit) { captured.text.contains("reloaded: removed log") }
            reloader.reload()
            try await eventually(within: Self.limit) { captured.text.contains("reloaded: no change") }
        }
    }

    @Test("a changed file with a secret is read, also one that the file did not name at first")
    func secret() async throws {
        let folder = try TemporaryFolder()
        try folder.write("http://127.0.0.1:1/one", to: "url")
        try await reloading("receivers: []\n", in: folder) { receivers, _, captured in
            try folder.write("receivers: [{ name: chat, type: slack, url_file: url }]\n", to: "alerts.yaml")
            try await eventually(within: Self.limit) { receivers.active.first?.address == "127.0.0.1:1" }
            try folder.write("http://127.0.0.1:2/two", to: "url")
            try await eventually(within: Self.limit) { receivers.active.first?.address == "127.0.0.1:2" }
            try await eventually(within: Self.limit) { captured.text.contains("reloaded: changed chat") }
            #expect(!captured.text.contains("/two"))
        }
    }

    @Test("a pipe in place of the file or of a secret is an error until it is a file again", .timeLimit(.minutes(2)))
    func pipe() async throws {
        let folder = try TemporaryFolder()
        try folder.write("http://127.0.0.1:1/one", to: "url")
        let text = "receivers: [{ name: chat, type: slack, url_file: url }]\n"
        try await reloading(text, in: folder) { receivers, _, _ in
            for (name, content) in [("url", "http://127.0.0.1:2/two"), ("alerts.yaml", text)] {
                let path = "\(folder.path)/\(name)"
                #expect(unlink(path) == 0 && mkfifo(path, 0o600) == 0)
                try await eventually(within: Self.limit) {
                    receivers.error?.contains("is a pipe; expected a regular file") == true
                }
                #expect(unlink(path) == 0)
                try folder.write(content, to: name)
                try await eventually(within: Self.limit) { receivers.error == nil }
                #expect(receivers.active.first?.address == "127.0.0.1:2")
            }
        }
    }
}
