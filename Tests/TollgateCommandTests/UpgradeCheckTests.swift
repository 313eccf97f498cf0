import Foundation
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate upgrade-check`.
@Suite struct UpgradeCheckTests {
    private func check(_ system: DoctorSystem) async throws -> (status: Int32, report: JSONValue) {
        let command = try await system.run("upgrade-check", ["--json"])
        return (command.status, try #require(JSONValue(text: command.output), "\(command)"))
    }

    private func item(_ name: String, of report: JSONValue) -> JSONValue {
        report["checks"].array.first { $0["name"].text == name } ?? .null
    }

    @Test("this version can run on an empty Redis, and beside a sidecar of its own version")
    func fits() async throws {
        let system = try DoctorSystem()
        let empty = try await check(system)
        #expect(empty.status == 0 && empty.report["can_run"] == .bool(true), "\(empty)")
        #expect(item("functions", of: empty.report)["sentence"].text.contains("is not loaded yet"), "\(empty)")
        let sidecar = try await SidecarProcess(
            policy: DoctorSystem.policy, arguments: system.arguments(listens: false), folder: system.folder)
        try await eventually(within: .seconds(20)) {
            try await check(system).report["checks"].array.contains { $0["sentence"].text == "1 of version 0.1.0" }
        }
        let text = try await system.run("upgrade-check", [])
        #expect(
            text.status == 0 && text.output.hasSuffix("\n\nversion 0.1.0 can run beside what is there\n"), "\(text)")
        #expect(text.output.contains("yes      journal: this version can read it"), "\(text)")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("the libraries and sidecars of other versions are named, and are no obstacle")
    func others() async throws {
        let system = try DoctorSystem()
        let library = "#!lua name=tollgate_0123456789abcdef\nredis.register_function('f', function() return 1 end)"
        let isPermitted = !TestRedis.deniesFunctions
        if isPermitted { try system.redis.cli("FUNCTION", "LOAD", library) }
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        try system.redis.cli("HSET", "tollgate:{policy}:sidecars", "feed", "\(now) 0a1b2c3d4e5f app-7:42")
        let (status, report) = try await check(system)
        #expect(status == 0, "\(report)")
        if isPermitted {
            #expect(item("functions", of: report)["sentence"].text.hasSuffix("tollgate_0123456789abcdef"), "\(report)")
        }
        #expect(item("sidecars", of: report)["sentence"].text == "1 of version unknown")
        #expect(item("policy digest", of: report)["fits"] == .bool(true))
    }

    @Test("it cannot run on a later layout, a later journal, or with a policy that it does not accept")
    func unfit() async throws {
        let system = try DoctorSystem()
        try system.redis.cli("HSET", "tollgate:{policy}:marker", "layout", "3", "partitions", "0")
        let layout = try await check(system)
        #expect(layout.status == 1 && item("keys", of: layout.report)["fits"] == .bool(false), "\(layout)")
        for fault in [PlantedFault.journalOfLaterVersion, .policyInvalid] {
            var system = try DoctorSystem()
            _ = try await fault.plant(in: &system)
            let found = try await check(system)
            #expect(found.status == 1 && found.report["can_run"] == .bool(false), "\(fault): \(found)")
        }
    }

    @Test("without Redis, it cannot be told")
    func unknown() async throws {
        var system = try DoctorSystem()
        system.redis.stop()
        let down = try await check(system)
        #expect(down.status == 2 && down.report["can_run"] == .null, "\(down)")
        system.redisAddress = nil
        let embedded = try await check(system)
        #expect(embedded.status == 2 && item("Redis", of: embedded.report)["sentence"].text.contains("does not run"))
    }

    @Test("the text fits a terminal of 80 columns")
    func width() {
        let long = String(repeating: "a sentence that is long ", count: 8)
        let checks = [true, false, nil].map { UpgradeReport.Check("keys", $0, long, long) }
        let text = UpgradeReport(checks: checks).text(on: Terminal(columns: 200, isUTF8: true, hasColour: false))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        #expect(text.hasPrefix("yes      keys: a sentence") && text.contains("\nunknown  keys: "))
    }
}
