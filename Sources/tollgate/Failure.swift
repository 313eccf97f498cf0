import Foundation

/// What goes wrong is said on standard error.
enum Failure {
    static func print(_ sentence: String) {
        FileHandle.standardError.write(Data("\(sentence)\n".utf8))
    }
}
