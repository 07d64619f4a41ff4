// swift-tools-version: 6.2
import PackageDescription

// Apart from the main package, so that nobody who uses Sotto builds it. Scripts/fuzz builds and runs it.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "sotto", path: "../..")],
    targets: [
        .executableTarget(
            name: "fuzz-message", dependencies: [.product(name: "ConformanceSite", package: "sotto")],
            swiftSettings: settings),
        .executableTarget(
            name: "fuzz-exchange", dependencies: [.product(name: "ConformanceSite", package: "sotto")],
            swiftSettings: settings),
    ]
)
