import Synchronization

/// A file that was read, with its stamp before the reading. A value.
package struct StampedFile: Equatable, Sendable {
    package let path: String
    /// The stamp before the reading; nil if there was no file.
    package let stamp: FileStamp?

    /// Takes the stamp of a file that is read next.
    package init(path: String) {
        self.path = path
        stamp = FileStamp(path: path)
    }
}

/// Reads files again once one of them has changed and been unchanged for a while, and on request. Usable from any task.
package final class FileWatch: Sendable {
    private let interval: Duration
    private let quietPeriod: Duration
    private let isRequested = Atomic(false)

    /// - Parameters:
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the files have to be unchanged before they are read, and the pause after a
    ///     failed attempt.
    package init(interval: Duration, settling quietPeriod: Duration) {
        self.interval = interval
        self.quietPeriod = quietPeriod
    }

    /// Reads the files with the next check, although they may not have changed.
    package func request() {
        isRequested.store(true, ordering: .relaxed)
    }

    /// Watches until the task is cancelled. A failed attempt is repeated.
    ///
    /// - Parameters:
    ///   - files: The files as they were last read.
    ///   - read: Reads the files. Returns their content, and the files that are watched from then on: a file can name
    ///     others.
    ///   - install: Takes a new content, and whether it was requested. Not called if a file has changed during the
    ///     reading.
    ///   - report: Takes the error of an attempt, which can be the one of the attempt before.
    package func run<Contents: Sendable>(
        files: [StampedFile],
        read: () async throws(OperatorError) -> (contents: Contents, files: [StampedFile]),
        install: (_ contents: Contents, _ isRequested: Bool) async -> Void, report: (OperatorError) -> Void
    ) async {
        var watched = files
        var schedule = ReadingSchedule(read: files.map(\.stamp), settling: quietPeriod, at: .now)
        var wasRequested = false
        while (try? await Task.sleep(for: interval)) != nil {
            if isRequested.exchange(false, ordering: .relaxed) {
                schedule.readAnyway()
                wasRequested = true
            }
            let stamps = Self.stamps(of: watched)
            guard schedule.isDue(stamps, at: .now) else { continue }
            do throws(OperatorError) {
                let new = try await read()
                guard Self.stamps(of: watched) == stamps else {
                    schedule.wasRead(successfully: false, at: .now)
                    continue
                }
                await install(new.contents, wasRequested)
                wasRequested = false
                schedule.wasRead(successfully: true, at: .now)
                if new.files.map(\.path) != watched.map(\.path) {
                    schedule = ReadingSchedule(read: new.files.map(\.stamp), settling: quietPeriod, at: .now)
                }
                watched = new.files
            } catch {
                // A file that is being replaced is no error yet.
                if Self.stamps(of: watched) == stamps { report(error) }
                schedule.wasRead(successfully: false, at: .now)
            }
        }
    }

    private static func stamps(of files: [StampedFile]) -> [FileStamp?] { files.map { FileStamp(path: $0.path) } }
}
