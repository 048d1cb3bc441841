#pragma once
#include <string>
#include <vector>

namespace inseq::io {

/// Names of the small models that come with the program ("en-fr"); used as "demo:en-fr".
std::vector<std::string> demo_models();

/// The folder of one of them. They are looked for in $INSEQ_DEMO_MODELS, beside the installed
/// program (../share/inseq/models), in the source tree it was built from, and where it was to be
/// installed. Throws InvalidArgument with the known names, or with the folders looked at.
std::string demo_model_folder(const std::string& name);

}  // namespace inseq::io
