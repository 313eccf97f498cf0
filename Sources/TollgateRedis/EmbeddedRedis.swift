import Foundation
public import Logging

/// A redis-server of our own over a data folder of its own: started, started again when it dies, and stopped.
///
/// Usable from any task. ``start()`` first, then ``run()`` for as long as it is to live. While it lives the folder is
/// locked, so that no other can start a second server over the same files.
public actor EmbeddedRedis {
    static let restartBackoff = Backoff(shortest: .milliseconds(100), longest: .seconds(5))
    /// How long a server may take to be reached, and an old one to end.
    static let patience = Duration.seconds(10)

    private struct Place {
        let program: String
        let folder: String
        let socketPath: String
        var logPath: String { folder + "/redis.log" }
    }

    private let dataFolder: String
    private let searchPath: String
    private let logger: Logger
    private var lock: FolderLock?
    private var place: Place?
    private var process: RedisProcess?
    private var lastEnd = ""
    private var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false

    /// `dataFolder` is made if it is missing. The program `redis-server` is looked for in the folders of `searchPath`,
    /// separated by colons; nil means `PATH`.
    public init(dataFolder: String, logger: Logger, searchPath: String? = nil) {
        self.dataFolder = dataFolder
        self.logger = logger
        self.searchPath = searchPath ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
    }

    /// The number of the server's process, nil while there is none.
    public var processIdentifier: Int32? { process?.pid }

    /// Starts the server and returns when it answers; it may still be loading its data. One left behind over the same
    /// folder by a tollgate that was killed is shut down first.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence for the operator, or `CancellationError`; nothing runs then.
    public func start() async throws -> RedisAddress {
        let program = try Self.findProgram(in: searchPath)
        let folder = try Self.prepareFolder(dataFolder)
        let place = Place(program: program, folder: folder, socketPath: try Self.socketPath(in: folder))
        lock = try FolderLock(folder: folder)
        self.place = place
        isStopping = false
        do {
            try await endLeftover(at: place)
            try launch(at: place)
            try await waitUntilAnswering(at: place)
        } catch {
            await stop()
            throw error
        }
        return RedisAddress(unixSocket: place.socketPath)
    }

    /// Starts the server again whenever it ends by itself. Returns after ``stop()``, or once the task is cancelled and
    /// the server has been stopped.
    public func run() async {
        await withTaskCancellationHandler {
            await supervise()
        } onCancel: {
            Task { await self.stop() }
        }
        await stop()
    }

    /// Ends the server: asks it to, so that everything is on disk, and kills it if that takes more than 10 seconds.
    /// Does nothing when none runs.
    public func stop() async {
        isStopping = true
        if let process {
            process.terminate()
            let killer = Task {
                try await Task.sleep(for: Self.patience)
                process.kill()
            }
            await waitForEnd()
            killer.cancel()
        }
        lock = nil
        place = nil
    }

    // MARK: - The process

    private func launch(at place: Place) throws(RedisError) {
        let arguments = Self.arguments(folder: place.folder, socketPath: place.socketPath)
        let process = try RedisProcess(program: place.program, arguments: arguments, logPath: place.logPath) { how in
            Task { await self.ended(how) }
        }
        self.process = process
        logger.info("redis-server started", metadata: ["data": "\(place.folder)", "pid": "\(process.pid)"])
    }

    private func ended(_ how: String) {
        process = nil
        lastEnd = how
        let waiting = waitingForEnd
        waitingForEnd = []
        for continuation in waiting { continuation.resume() }
    }

    private func waitForEnd() async {
        guard process != nil else { return }
        await withCheckedContinuation { waitingForEnd.append($0) }
    }

    private func supervise() async {
        var failures = 0
        while let place, !isStopping, !Task.isCancelled {
            let startedAt = ContinuousClock.now
            await waitForEnd()
            guard !isStopping else { return }
            failures = ContinuousClock.now - startedAt > Self.patience ? 1 : failures + 1
            logger.error(
                "redis-server ended; starting it again",
                metadata: ["data": "\(place.folder)", "end": "\(lastEnd)", "log": "\(place.logPath)"])
            try? await Task.sleep(for: Self.restartBackoff.delay(afterFailures: failures))
            guard !isStopping, !Task.isCancelled else { return }
            do {
                try launch(at: place)
            } catch {
                lastEnd = error.description
            }
        }
    }

    // MARK: - Starting

    private func waitUntilAnswering(at place: Place) async throws {
        let probe = RedisProbe(socketPath: place.socketPath)
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            guard process != nil else {
                let words = Self.lastWords(inLog: place.logPath)
                throw RedisError.embedded(
                    "--data \(dataFolder): redis-server ended at once (\(lastEnd)); last line of redis.log: \(words)"
                )
            }
            if case .said = probe.ask("PING") { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RedisError.embedded(
            "--data \(dataFolder): redis-server was started but does not answer; see redis.log in that folder")
    }

    /// We hold the folder's lock: whoever answers in it was started by a tollgate that is gone.
    private func endLeftover(at place: Place) async throws {
        let probe = RedisProbe(socketPath: place.socketPath)
        guard probe.ask("PING") != .absent else { return }
        logger.notice(
            "shutting down a redis-server left behind over the data folder", metadata: ["data": "\(place.folder)"])
        _ = probe.ask("SHUTDOWN")
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if probe.ask("PING") == .absent { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RedisError.embedded(
            "--data \(dataFolder): a redis-server left behind on redis.sock does not shut down; end it first"
        )
    }
}
