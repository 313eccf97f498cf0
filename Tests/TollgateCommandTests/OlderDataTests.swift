import Foundation
import Testing
import TollgateTestSupport

/// The built sidecar with a Redis that was restored from an older snapshot.
@Suite struct OlderDataTests {
    static let policy = "defaults: { user: { requests: { 31d: 1000 } } }"

    /// A Redis that saves a snapshot on demand, and loads it at startup.
    private struct Stand {
        let folder: TemporaryFolder
        let redis: TestRedis

        init() throws {
            folder = try TemporaryFolder()
            redis = try TestRedis(arguments: ["--dir", folder.path])
        }

        /// Saves the current data.
        func save() throws {
            try redis.cli("SAVE")
            try? FileManager.default.removeItem(atPath: folder.path + "/backup.rdb")
            try FileManager.default.copyItem(atPath: folder.path + "/dump.rdb", toPath: folder.path + "/backup.rdb")
        }

        /// Kills Redis and starts it again with the saved data.
        func restore() throws {
            redis.stop()
            try? FileManager.default.removeItem(atPath: folder.path + "/dump.rdb")
            try FileManager.default.copyItem(atPath: folder.path + "/backup.rdb", toPath: folder.path + "/dump.rdb")
            try redis.start()
        }

        var looks: Int {
            get throws { Int(try redis.cli("HGET", "tollgate:{policy}:marker", "count")) ?? 0 }
        }

        func sidecar(in folder: TemporaryFolder? = nil) async throws -> SidecarProcess {
            let sidecar = try await SidecarProcess(
                policy: OlderDataTests.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"],
                folder: folder)
            try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
            return sidecar
        }
    }

    private func losses(_ sidecar: SidecarProcess) async throws -> Int? {
        let info = try await sidecar.client().ask("STATUS")[0]
        let value = info.split(separator: #""data_losses":"#, maxSplits: 1).dropFirst().first
        return value.flatMap { Int($0.prefix { $0.isNumber }) }
    }

    /// Sets a limit of alice, and returns the version.
    private func set(_ max: Int, if version: String?, on sidecar: SidecarProcess) async throws -> HTTPAnswer {
        try await sidecar.ask(
            "PUT", "/v1/scopes/user:alice/limits", #"{"limits":{"requests":{"31d":\#(max)}}}"#,
            headers: version.map { ["If-Match": $0] } ?? [:])
    }

    @Test("each sidecar detects a data loss, one records it, caches are dropped, and no version is reused")
    func restored() async throws {
        let stand = try Stand()
        let sidecars = [try await stand.sidecar(), try await stand.sidecar()]
        let first = try #require(try await set(7, if: nil, on: sidecars[0]).headers["etag"])
        try stand.save()
        let second = try #require(try await set(9, if: first, on: sidecars[0]).headers["etag"])
        for sidecar in sidecars {
            try await eventually { try await sidecar.client().ask("PEEK user=alice")[0].contains(" max=9 ") }
        }
        let looks = try stand.looks
        try await eventually { try stand.looks > looks }

        try stand.restore()
        for sidecar in sidecars {
            try await eventually { try await self.losses(sidecar) == 1 }
            try await eventually { try await sidecar.client().ask("PEEK user=alice")[0].contains(" max=7 ") }
            try await eventually { sidecar.log.contains("Redis has lost its data: ") }
            #expect(sidecar.log.components(separatedBy: "Redis has lost its data: ").count == 2, "\(sidecar.log)")
        }
        let sentence = "it has come back with earlier data"
        try await eventually { sidecars.contains { $0.log.contains(sentence) } }
        #expect(sidecars.filter { $0.log.contains(sentence) }.count == 1)
        try await eventually {
            let audit = try await sidecars[0].ask("GET", "/v1/audit").body
            return audit.components(separatedBy: #""action":"redis.data_loss""#).count == 2
        }
        // Another administrator's change, then one by an administrator with an outdated version.
        var third: String?
        try await eventually {
            third = try await set(11, if: first, on: sidecars[1]).headers["etag"]
            return third != nil  // its link to Redis may be a new one
        }
        #expect(third != first && third != second)
        #expect(try await set(1, if: second, on: sidecars[0]).status == 412)
        #expect(try await sidecars[0].client().ask("PEEK user=alice")[0].contains(" max=11 "))
        // No further loss is detected.
        let after = try stand.looks
        try await eventually { try stand.looks >= after + 2 }
        for sidecar in sidecars { #expect(try await losses(sidecar) == 1) }
    }

    @Test("a sidecar that was down detects the loss at startup, and reuses no version")
    func restoredWhileAway() async throws {
        let stand = try Stand()
        let folder = try TemporaryFolder()
        let sidecar = try await stand.sidecar(in: folder)
        let first = try #require(try await set(7, if: nil, on: sidecar).headers["etag"])
        try stand.save()
        let second = try #require(try await set(9, if: first, on: sidecar).headers["etag"])
        let looks = try stand.looks
        try await eventually { try stand.looks > looks }
        #expect(try await sidecar.stop() == 0)
        try stand.restore()
        let next = try await stand.sidecar(in: folder)
        try await eventually { try await self.losses(next) == 1 }
        let third = try #require(try await set(11, if: first, on: next).headers["etag"])
        #expect(![first, second].contains(third))
        #expect(try await next.stop() == 0)
        // The data are as before, so no loss is detected.
        let last = try await stand.sidecar(in: folder)
        let before = try stand.looks
        try await eventually { try stand.looks > before }
        #expect(try await losses(last) == 0)
    }
}
