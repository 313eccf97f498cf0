import Foundation
import Testing
import TollgateClient
import TollgateLedger
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// `client.alerts()` with real sidecars.
@Suite struct AlertClientTests {
    @Test("the sequence misses and repeats nothing while its sidecar is killed and restarted")
    func restarts() async throws {
        try await withServer { publisher in
            let arguments = ["--redis", "\(publisher.redis.address)"]
            let policy = "defaults: { user: { cost: { day: 10 } } }"
            var sidecar: SidecarProcess? = try await SidecarProcess(policy: policy, arguments: arguments)
            let folder = try #require(sidecar?.folder)
            let path = try #require(sidecar?.socketPath)
            let client = TollgateClient(.unix(path: path), deadline: .seconds(10))
            let listening = Task {
                var messages: [AlertMessage] = []
                for try await message in client.alerts() {
                    messages.append(message)
                    if message.alert.scope.description == "user:last" { break }
                }
                return messages
            }
            // The client has its first cursor, and there has been no event yet.
            try await eventually {
                try await sidecar?.client().ask("STATUS")[0].contains(#""alert_subscribers":1"#) == true
            }
            for round in 0..<3 {
                sidecar?.signal(SIGKILL)
                _ = try await sidecar?.end()
                try await publisher.open(round * 20..<round * 20 + 10)
                sidecar = try await SidecarProcess(policy: policy, arguments: arguments, folder: folder)
                try await publisher.open(round * 20 + 10..<round * 20 + 20)
            }
            try await publisher.publish(.opened(ServerHarness.alert(1_000, scope: "user:last")))
            let messages = try await listening.value
            let places = try publisher.redis.alertCursors()
            #expect(messages.map(\.cursor) == places)
            let alerts = try (0..<60).map { try ServerHarness.alert($0) }
            #expect(messages.dropLast().map(\.alert) == alerts)
            #expect(messages.allSatisfy { $0.event == .opened })
            await client.shutdown()
        }
    }

    @Test("a sequence that began before its sidecar reached Redis misses nothing when the sidecar is killed")
    func redisAway() async throws {
        try await withServer { publisher in
            let arguments = ["--redis", "\(publisher.redis.address)"]
            publisher.redis.stop()
            let folder = try TemporaryFolder()
            // The sidecar listens before it has reached Redis.
            async let ready = SidecarProcess(policy: "", arguments: arguments, folder: folder)
            let client = TollgateClient(.unix(path: folder.path + "/tollgate.sock"), deadline: .seconds(10))
            let listening = Task { try await client.alerts().first { _ in true } }
            try await Task.sleep(for: .seconds(2))
            try publisher.redis.start()
            try await publisher.waitForRedis()
            let sidecar = try await ready
            try await eventually(within: .seconds(30)) {
                let info = try await sidecar.client().ask("STATUS")[0]
                return info.contains(#""alert_subscribers":1"#) && !info.contains(#""cursor":null"#)
                    && info.contains(#""cursor""#)
            }
            sidecar.signal(SIGKILL)
            _ = try await sidecar.end()
            // The stores reconnect by themselves.
            try await eventually { (try? await publisher.sidecar.stores.alerts.redisTime()) != nil }
            try await publisher.open(0..<1)
            let next = try await SidecarProcess(policy: "", arguments: arguments, folder: folder)
            let timer = Task {
                try await Task.sleep(for: .seconds(20))
                listening.cancel()
            }
            #expect(try await listening.value?.cursor == publisher.redis.alertCursors().first)
            timer.cancel()
            await client.shutdown()
            _ = try await next.stop()
        }
    }

    @Test("a wrong token throws; several iterations get all messages each")
    func tokens() async throws {
        try await withServer(adjust: { $0.token = "secret-of-the-tests" }) { harness in
            let address = TollgateAddress.tcp(host: "127.0.0.1", port: harness.port)
            let stranger = TollgateClient(address, token: "wrong", deadline: .seconds(20))
            await #expect(throws: TollgateClientError.refused(code: "unauthenticated", sentence: "wrong token")) {
                for try await _ in stranger.alerts() {}
            }
            let client = TollgateClient(address, token: "secret-of-the-tests", deadline: .seconds(20))
            let cursors = (0..<3).map { _ in
                Task { try await client.alerts().prefix(4).reduce(into: []) { $0.append($1.cursor) } }
            }
            try await eventually { await harness.sidecar.report().counts.alertSubscribers == 3 }
            try await harness.open(0..<3)
            try await harness.closeAlert(1)
            let places = try harness.redis.alertCursors()
            for cursors in cursors { #expect(try await cursors.value == places) }
            let resolved = try await client.alerts(after: places[2]).first { _ in true }
            #expect(resolved?.event == .resolved)
            #expect(resolved?.alert.reason == .periodEnded)
            await client.shutdown()
            await stranger.shutdown()
        }
    }
}
