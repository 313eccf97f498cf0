import Foundation
import TollgateRedis

/// The checks of the embedded Redis, which a sidecar without `--redis` starts.
enum EmbeddedChecks {
    /// The check of the program `redis-server`, which runs it with `--version`.
    static func program() async -> DoctorCheck {
        do throws(RedisError) {
            return DoctorCheck("redis-server", .ok, "\(try await EmbeddedRedis.checkProgram()) has a fitting version")
        } catch {
            return DoctorCheck("redis-server", .error, fromSentence: error.description, separator: ": ")
        }
    }

    /// Returns the socket of the embedded Redis of a data folder; nil if there is none.
    static func runningSocket(inFolder folder: String) -> String? {
        let path = URL(fileURLWithPath: folder, isDirectory: true).standardizedFileURL.path
        guard let socket = try? EmbeddedRedis.socketPath(in: path), access(socket, F_OK) == 0 else { return nil }
        return socket
    }

    static let notRunning = DoctorCheck(
        "Redis", .ok, "the embedded Redis does not run, so there is none to check; tollgate serve starts it")
}
