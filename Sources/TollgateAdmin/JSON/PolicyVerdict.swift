package import Foundation
import TollgateCore
package import TollgatePolicy

/// Whether a policy file is valid, with its warnings or its errors.
package struct PolicyVerdict: Encodable {
    private struct ProblemView: Encodable {
        var line = 1
        var path = ""
        var message: String

        init(_ message: String) {
            self.message = message
        }

        init(_ problem: PolicyProblem) {
            line = problem.line
            path = problem.path
            message = problem.sentence
        }
    }

    private var valid: Bool
    private var warnings: [ProblemView]?
    private var errors: [ProblemView]?

    /// The verdict on a valid policy.
    package init(_ policy: Policy) {
        valid = true
        warnings = policy.warnings.map(ProblemView.init)
    }

    /// The verdict on a valid price file.
    package init(_ file: PriceFile) {
        valid = true
        warnings = []
    }

    /// The verdict on a file with these errors.
    package init(_ error: PolicyError) {
        valid = false
        errors = error.problems.map(ProblemView.init)
    }

    /// The verdict on a file that cannot be read.
    package init(unreadable sentence: String) {
        valid = false
        errors = [ProblemView(sentence)]
    }

    /// Checks the contents of a policy file, for a sidecar whose money has a unit.
    init(on body: Data, for unit: MoneyUnit) {
        guard let text = String(validating: body, as: UTF8.self) else {
            self.init(unreadable: "not UTF-8 text")
            return
        }
        do throws(PolicyError) {
            let policy = try Policy(wholeFile: text, file: "policy")
            self.init(policy)
            guard policy.moneyUnit != unit else { return }
            let (new, old) = (policy.moneyUnit.decimals, unit.decimals)
            warnings?.append(
                ProblemView("decimals: \(new) in the file, \(old) in force: this sidecar refuses to reload the file"))
        } catch {
            self.init(error)
        }
    }
}
