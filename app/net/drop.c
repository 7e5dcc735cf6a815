#include "net/drop.h"

#define DROP_NAME(id, name, sentence) name,
#define DROP_SENTENCE(id, name, sentence) sentence,

const char *net_drop_name(enum net_drop drop)
{
    static const char *const names[] = {NET_DROPS(DROP_NAME)};
    return (unsigned)drop < NET_DROP_COUNT ? names[drop] : "?";
}

const char *net_drop_sentence(enum net_drop drop)
{
    static const char *const sentences[] = {NET_DROPS(DROP_SENTENCE)};
    return (unsigned)drop < NET_DROP_COUNT ? sentences[drop] : "?";
}
