import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs the work of pages on one thread of lower priority, so that on a busy machine decisions go first, however many
/// browsers are open.
final class PageExecutor: TaskExecutor {
    static let shared = PageExecutor()

    /// The niceness of the thread: a tenth of the share of a thread with the normal one.
    private static let niceness: CInt = 10

    private let thread = NIOThreadPool(numberOfThreads: 1)

    private init() {
        thread.start()
        thread.submit { _ in Self.lowerPriority() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        thread.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Lowers the priority of the calling thread. Where that is not possible, it stays as it is.
    private static func lowerPriority() {
        #if canImport(Glibc)
        // On Linux 0 is the calling thread, not the process.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
        #else
        _ = pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0)
        #endif
    }
}
