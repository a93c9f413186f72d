/*
 * fasttext.cpp - C++ exceptions and streams stay in this file
 */
#include "pipeline/filter/fasttext.h"

#include <fasttext/fasttext.h>

#include <cstdio>
#include <exception>
#include <istream>
#include <stdexcept>
#include <streambuf>

namespace
{
/* Bytes in memory as a stream. */
struct bytes_buffer : std::streambuf {
    bytes_buffer(const char *s, size_t n)
    {
        char *begin = const_cast<char *>(s);
        setg(begin, begin, begin + n);
    }
};
} // namespace

struct fasttext_model : fasttext::FastText {
    void load(std::istream &in)
    {
        if (!checkModel(in)) /* reads the magic number and the version */
            throw std::invalid_argument("not a fastText model");
        loadModel(in);
    }
};

fasttext_model *fasttext_load(const void *bytes, size_t n, char *err, size_t err_size)
{
    fasttext_model *m = nullptr;
    try {
        bytes_buffer buffer(static_cast<const char *>(bytes), n);
        std::istream in(&buffer);
        m = new fasttext_model;
        m->load(in);
        return m;
    } catch (const std::exception &e) {
        std::snprintf(err, err_size, "%s", e.what());
    }
    delete m;
    return nullptr;
}

bool fasttext_has(const fasttext_model *m, const char *label)
{
    const auto dictionary = m->getDictionary();
    for (int32_t i = 0; i < dictionary->nlabels(); i++)
        if (dictionary->getLabel(i) == label)
            return true;
    return false;
}

int fasttext_predict(const fasttext_model *m, const char *line, size_t len,
                     void (*each)(void *arg, const char *label, double probability), void *arg, char *err,
                     size_t err_size)
{
    try {
        std::vector<std::pair<fasttext::real, std::string>> labels;
        bytes_buffer buffer(line, len);
        std::istream in(&buffer);
        m->predictLine(in, labels, -1, 0);
        for (const auto &label : labels)
            each(arg, label.second.c_str(), label.first);
        return 0;
    } catch (const std::exception &e) {
        std::snprintf(err, err_size, "%s", e.what());
        return -1;
    }
}

void fasttext_free(fasttext_model *m)
{
    delete m;
}
