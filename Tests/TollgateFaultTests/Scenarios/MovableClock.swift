import Foundation
import TollgateTestSupport

/// A clock of the day for programs started with its environment: theirs can be moved while they run, and the host's stays as it is.
/// What counts intervals (the monotonic clock) is not touched, as on a host whose date is set.
struct MovableClock {
    /// Debian's libfaketime, where it is installed.
    static let library: String? = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
        return folders.map { "/usr/lib/\($0)/faketime/libfaketime.so.1" }
            .first { FileManager.default.fileExists(atPath: $0) }
    }()

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try set(seconds: 0)
    }

    /// What a program is started with.
    var environment: [String: String] {
        [
            "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": folder.path + "/offset",
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        ]
    }

    /// From now on the clock is so much before or behind the host's.
    func set(seconds: Int) throws {
        let text = seconds < 0 ? "\(seconds)" : "+\(seconds)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/offset"), options: .atomic)
    }
}
