import Foundation
import Testing
import TollgateTestSupport

/// The first requests of a sidecar after it starts to listen.
@Suite struct FirstMomentsTests {
    private static let policy = "defaults: { user: { requests: { total: 100 } } }"

    /// The first replies to a client that connects immediately, each on its own connection.
    private func firstAnswers(of sidecar: SidecarProcess) async throws -> [String] {
        let deadline = ContinuousClock.now + .seconds(15)
        var clients: [SocketClient] = []
        while clients.isEmpty {
            guard ContinuousClock.now < deadline, sidecar.isRunning else { throw TestFailure(sidecar.log) }
            if let client = try? sidecar.client() { clients.append(client) }
        }
        for _ in 1..<4 { clients.append(try sidecar.client()) }
        let questions = ["CHECK user=a", "RECORD user=a requests=1", "RESERVE user=a", "USAGE scope=user:a"]
        for (client, question) in zip(clients, questions) { try await client.send(question + "\n") }
        var answers: [String] = []
        for client in clients { answers.append(try await client.readLine() ?? "(closed)") }
        return answers
    }

    private func expectServed(_ answers: [String], _ sidecar: SidecarProcess) {
        #expect(answers[0].hasPrefix("ALLOW limit=user:a/requests/total max=100 used="), "\(sidecar.log)")
        #expect(answers[1] == "OK", "\(sidecar.log)")
        #expect(answers[2].hasPrefix("ALLOW limit=user:a/requests/total max=100 used="), "\(sidecar.log)")
        #expect(answers[3].hasPrefix(#"{"limits":"#), "\(sidecar.log)")
    }

    @Test("with a running Redis, the first replies are Redis's", arguments: 0..<4)
    func givenRedis(round: Int) async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "5s", "--admin", "off"],
            waitsUntilReady: false)
        expectServed(try await firstAnswers(of: sidecar), sidecar)
        #expect(try await sidecar.stop() == 0)
    }

    @Test("with an embedded redis-server, the first replies are Redis's, also after a restart")
    func embeddedRedis() async throws {
        let folder = try TemporaryFolder()
        for _ in 0..<2 {
            let sidecar = try await SidecarProcess(
                policy: Self.policy, arguments: ["--data", "data", "--deadline", "5s", "--admin", "off"],
                folder: folder,
                waitsUntilReady: false)
            expectServed(try await firstAnswers(of: sidecar), sidecar)
            #expect(try await sidecar.stop() == 0)
        }
    }

    @Test("without a running Redis, the first replies do not wait for it")
    func noRedis() async throws {
        let redis = try TestRedis()
        redis.stop()
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "60s", "--admin", "off"],
            waitsUntilReady: false)
        let answers = try await firstAnswers(of: sidecar)
        #expect(answers[0] == "ALLOW degraded=1")
        #expect(answers[1] == "OK queued=1")
        #expect(answers[2].hasPrefix("ALLOW degraded=1 reservation="))
        #expect(answers[3].hasPrefix("ERR unavailable Redis: "))
        #expect(try await sidecar.stop() == 0)
    }
}
