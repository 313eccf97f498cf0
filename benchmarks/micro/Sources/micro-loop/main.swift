import MicroSteps

// Does one step so many times and nothing else, for a tool that counts from outside what the process does. Without
// arguments it names the steps, and how many CHECKs one run of each is for.

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.isEmpty {
    for name in MicroStepName.allCases { print(name.rawValue, name.checks) }
} else if arguments.count == 2, let name = MicroStepName(rawValue: arguments[0]), let times = Int(arguments[1]) {
    let step = try PreparedStep(name)
    print(step.run(times))
} else {
    fatalError("usage: micro-loop [STEP TIMES]")
}
