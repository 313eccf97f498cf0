import Foundation
import Logging
import Testing
import TollgateLedger
import TollgateRedis
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Tests of the run marker file.
@Suite struct MarkerFileTests {
    private func file(_ path: String, namespace: String = "tollgate") throws -> MarkerFile {
        var settings = ServerSettings(redis: try RedisAddress("redis://127.0.0.1:6379"), workers: 1)
        settings.namespace = namespace
        return MarkerFile(
            path: path, settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("the next sidecar on the same data reads the file, and only its owner can")
    func written() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/redis-marker.json"
        let first = try file(path)
        #expect(first.read() == nil)
        for revision in 1...2 { first.note(RunMarker(), revision: Int64(revision)) }
        await first.close()
        #expect(try file(path).read()?.revision == 2)
        #expect(try file(path, namespace: "other").read() == nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
}
