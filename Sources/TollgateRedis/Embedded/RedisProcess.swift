import Foundation

/// One run of a redis-server of our own.
struct RedisProcess: Sendable {
    private let process: Process

    /// Starts the program; what it says is appended to the file at `logPath`. `onEnd` is called once, on a thread of
    /// the system's, with a phrase about how the process ended.
    ///
    /// Foundation gives the child a process group of its own, so that a Ctrl-C in the terminal reaches us and not the
    /// child.
    init(
        program: String, arguments: [String], logPath: String, onEnd: @escaping @Sendable (String) -> Void
    ) throws(RedisError) {
        let descriptor = open(logPath, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .embedded("\(logPath) cannot be opened: \(String(cString: strerror(errno)))")
        }
        let log = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log
        process.standardError = log
        process.terminationHandler = { process in
            let how = process.terminationReason == .exit ? "status" : "signal"
            onEnd("\(how) \(process.terminationStatus)")
        }
        do {
            try Self.withSignalsUnblocked { try process.run() }
        } catch {
            throw .embedded("\(program) cannot be started: \(error.localizedDescription)")
        }
    }

    /// A child begins with the signal mask of the thread that makes it, and the threads that tasks run on block
    /// SIGTERM: a server made there would never hear it.
    private static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// What the program prints when it is run with these arguments. Nil where it cannot be run, or does not end within 10
    /// seconds. Blocks.
    static func output(of program: String, _ arguments: String...) -> String? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? withSignalsUnblocked { try process.run() }) != nil else { return nil }
        let killer = DispatchWorkItem { if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) } }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(10), execute: killer)
        defer { killer.cancel() }
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    var pid: Int32 { process.processIdentifier }

    /// Asks the process to end.
    func terminate() {
        process.terminate()
    }

    /// Makes a process go on that was stopped by a signal. Does nothing to others.
    func resume() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGCONT) }
    }

    func kill() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }
}
